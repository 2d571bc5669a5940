"""The stack that a command works on: its config, its outputs, its state."""
