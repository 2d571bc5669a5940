"""What the providers of a client's protocol mappers share: the mark is in the mapper's configuration."""

from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

from kcadmin.objects.clients import RECENT_SECONDS
from kcadmin.objects.marked_mappers import MarkedMappers
from kcadmin.objects.realm import Realm
from providers.base.owned import OwnedObjectProvider
from providers.base.props import KEEP, RESTORE, REVOKE, Outputs
from providers.base.stores import StoredObject
from providers.base.taken_names import taken

M = TypeVar("M", bound=StoredObject)


class MapperProvider(OwnedObjectProvider[M]):
    """A mapper's life. ``STORE``: the mappers of its type."""

    STORE: ClassVar[type[MarkedMappers[Any]]]
    HOLDER = "client_uuid"
    ON_HOLDER = True
    ON_REMOVE = (RESTORE, REVOKE, KEEP)
    REPLACE_ON = ("realm", "client_uuid", "name")  # a PUT with another name answers 204 and keeps the old one

    def store(self, realm: Realm, props: Any) -> Any:
        return self.STORE(realm.clients, props.client_uuid, max_age=RECENT_SECONDS)

    def snapshot(self, realm: Realm, props: Any) -> Any:
        return self.STORE(realm.clients, props.client_uuid)

    def shown(self, realm: Realm, found: M, props: Any) -> Outputs:
        client = realm.clients.get(props.client_uuid)
        return {**super().shown(realm, found, props), "client_id": client.client_id if client else None}

    def taken_name(self, realm: Realm, props: Any) -> Iterator[str]:
        return taken(self.snapshot(realm, props), self.wanted(props).name)
