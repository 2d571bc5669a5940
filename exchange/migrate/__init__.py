"""``migrate``: grants from the legacy to the standard exchange."""
