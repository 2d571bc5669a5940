"""What a write of a client does beside what it says: partial PUTs, client policies, secret rotation."""
