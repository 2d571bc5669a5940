"""From the legacy exchange to the standard one, with no refused request: planned, done in phases, watched, rolled back."""
