"""Keycloak token exchange as a stack: its config names the grants, its outputs say how to use them."""

import pulumi

from components.program import errors_as_sentences
from components.settings import read_settings
from components.token_exchange_grant import register_grants

with errors_as_sentences():
    settings = read_settings()
    pulumi.export(
        "grants", register_grants(settings.grants, settings.connection, settings.guards, events=settings.events)
    )
    pulumi.export("keycloak", {"url": settings.connection.url, "realm": settings.realm})
