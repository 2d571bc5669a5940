"""The writes of a resource's clients: what client policies may change by them, and what came of them beside."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kcadmin.client_writes import Watch, not_given_back, watched
from providers.messages import warn

ACCEPTED = "accept_policy_changes"
"""The input with the fields of the resource's clients that client policies may change, attributes without ``attributes.``."""


@contextmanager
def announced(props: Mapping[str, Any], removes: str | None = None) -> Iterator[Watch]:
    """Everything that a call does is done before it fails for what a write changed beside.

    :param removes: the resource that goes; writes that Keycloak refuses are told, and do not keep it.
    :raises Unannounced: a write changed more than it says and ``props`` accept.
    """
    with watched(props.get(ACCEPTED) or (), forgives=removes is not None) as watch:
        yield watch
    for refused in watch.refused:
        warn(f"{removes}: {not_given_back(refused)}.")
    watch.tell()
