"""``inventory``: a realm made by hand as grants."""
