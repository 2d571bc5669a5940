"""``release``: what an owner left in a realm, taken away."""
