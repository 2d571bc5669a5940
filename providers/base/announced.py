"""The writes of a resource's clients: what client policies may change at them, and what else they changed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kcadmin.rest.errors import KeycloakError
from kcadmin.writes.watch import Unannounced, Watch, not_given_back, watched
from providers.base.messages import warn

ACCEPTED = "accept_policy_changes"
"""The input with the fields of the resource's clients that client policies may change, attributes without ``attributes.``."""


@contextmanager
def announced(props: Mapping[str, Any], removes: str | None = None) -> Iterator[Watch]:
    """The whole call runs before it fails because of unannounced changes.

    :param removes: the resource that is removed. Unannounced changes, and writes that Keycloak refuses, do not stop its
        removal.
    :raises Unannounced: a write changed more than it sent and ``props`` accept; with later errors in the same call.
    """
    with watched(props.get(ACCEPTED) or (), forgives=removes is not None) as watch:
        try:
            yield watch
        except KeycloakError as problem:
            if removes is None and watch.unannounced:
                raise Unannounced(*watch.unannounced, *problem.faults) from None
            raise
        finally:
            kept = [f"{removes}: {not_given_back(each)}." for each in watch.refused]
            for text in (*kept, *watch.of_others, *(watch.unannounced if removes else ())):
                warn(text)
    if removes is None:
        watch.tell()
