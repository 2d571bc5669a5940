"""How many parts of grants are made, compared and removed at once, each by its own provider."""
