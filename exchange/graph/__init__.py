"""``graph``: who can act for whom."""
