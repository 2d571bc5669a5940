"""What is asked about grants before their first write: by the program for planned grants, by ``GrantCheck`` for late ones."""
