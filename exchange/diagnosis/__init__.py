"""Why an exchange is refused: small checks that look at a realm, in the order in which Keycloak itself asks."""
