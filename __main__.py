"""Keycloak token exchange as a stack: its config names the grants, its outputs say how to use them."""

from typing import Any

import pulumi

from components.news import for_people
from components.program import errors_as_sentences
from components.settings import read_settings
from components.token_exchange_grant import register_many_grants


async def main() -> dict[str, Any]:
    """What the stack exports."""
    with errors_as_sentences():
        settings = read_settings(only_ours=True)
        grants = await register_many_grants(
            settings.grants,
            settings.connection,
            settings.guards,
            events=settings.events,
            all_of_stack=True,
            in_bulk=settings.in_bulk,
        )
        return {"grants": for_people(grants), "keycloak": {"url": settings.connection.url, "realm": settings.realm}}


pulumi.run(main)
