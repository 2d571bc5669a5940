"""Questions about grants before their first write: asked by the program for planned grants, by ``GrantCheck`` for late ones."""
