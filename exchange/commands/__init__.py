"""The commands as people type them: a module each; what they do lies beside this package."""
