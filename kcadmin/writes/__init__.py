"""What a write of a client changes besides the fields that it sends: partial PUTs, client policies, secret rotation."""
