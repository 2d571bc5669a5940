"""What a write of a client changes beside the fields that it sends: partial PUTs, client policies, secret rotation."""
