"""``audit``: which exchanges a realm recorded."""
