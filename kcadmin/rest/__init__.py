"""HTTP to one Keycloak: connection, login, session, tokens, errors, and how texts are shown."""
