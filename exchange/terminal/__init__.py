"""How commands ask and answer: options, terminal, pipe, JSON."""
