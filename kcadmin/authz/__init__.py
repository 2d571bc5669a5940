"""Authorization services: policies, permissions, scopes, and the permission of the legacy exchange."""
