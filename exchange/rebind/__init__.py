"""``rebind``: a stack follows its server."""
