"""``doctor``: why an exchange is refused."""
