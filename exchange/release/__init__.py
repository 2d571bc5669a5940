"""``release``: removes what an owner left in a realm."""
