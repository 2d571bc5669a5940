"""How commands read options and print: terminal, pipe, JSON."""
