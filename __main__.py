"""Keycloak token exchange as a stack: its config names the grants, its outputs say how to use them."""

from functools import partial

import pulumi

from components.news import export_for_people
from components.program import end_with_sentences
from components.settings import read_settings
from components.token_exchange_grant import register_many_grants


async def main() -> None:
    """Registers the grants of the stack's config."""
    with end_with_sentences():
        settings = read_settings(only_ours=True)
        await register_many_grants(
            settings.grants,
            settings.connection,
            settings.guards,
            events=settings.events,
            all_of_stack=True,
            in_bulk=settings.in_bulk,
            export=partial(export_for_people, settings.connection.url, settings.realm),
        )


pulumi.run(main)
