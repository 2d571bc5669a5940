"""Keycloak's Admin REST API and token endpoint: sessions, paths and representations. Knows nothing of Pulumi."""
