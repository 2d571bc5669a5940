"""``rebind``: makes a stack accept its moved or restored server."""
