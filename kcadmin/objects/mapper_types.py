"""The types of mappers that bear our marks."""

from collections.abc import Iterator, Mapping
from typing import Any

from kcadmin.objects.claim_mappers import HardcodedClaimMappers
from kcadmin.objects.clients import Client
from kcadmin.objects.mappers import AudienceMappers
from kcadmin.objects.marked_mappers import Marked, MarkedMappers

STORES: Mapping[str, type[MarkedMappers[Any]]] = {
    "audience mapper": AudienceMappers,
    "hardcoded claim mapper": HardcodedClaimMappers,
}
"""The words for such a mapper in messages → its store."""


def marked_mappers(client: Client) -> Iterator[tuple[str, Marked]]:
    """A client's active mappers of these types, each with the words for its type."""
    return ((kind, each) for kind, store in STORES.items() for each in store.of(client))
