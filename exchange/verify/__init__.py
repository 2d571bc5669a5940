"""``verify``: grants proved by real exchanges."""
