"""Settings of a client that several stacks may share: taken by a claim, restored by the last one out."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from kcadmin.objects.claims import Kind, claim_of
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import (
    CLAIMED,
    USED,
    Taken,
    drop_claim,
    held_by_others,
    is_written,
    release,
    take,
)
from providers.base.after_removal import never_in_the_way, tell_kept
from providers.base.compare import KEEP, RESTORE, REVOKE
from providers.base.held import ObjectMark, writer
from providers.base.judged_writes import ClientWrite, claim_write
from providers.base.messages import info
from providers.base.provider import KeycloakProvider, Props


class SharedSettingProvider(KeycloakProvider):
    """The lifecycle. ``KIND``: the claim's kind."""

    KIND: ClassVar[Kind]
    CONSTANT = {"enabled": True}
    PLANNED = True
    ON_REMOVE = (RESTORE, REVOKE, KEEP)

    @abstractmethod
    def values(self, props: Props) -> dict[str, Any]:
        """The client's fields, and attributes as ``attributes.<key>``, as wanted."""

    @abstractmethod
    def off(self, props: Props) -> dict[str, Any]:
        """The fields as they are when nobody wants the setting."""

    @abstractmethod
    def shown(self, client: Client) -> Props:
        """The managed fields as the client has them."""

    def noted(self, realm: Realm, client: Client) -> Props:
        """What else to note of the client before the first claim, beside the fields."""
        return {}

    def client_writes(self, realm: Realm, olds: Props, props: Props) -> Iterator[ClientWrite]:
        client, values = realm.clients.get(props["client_uuid"]), self.values(props)
        always = props.get("on_remove") == REVOKE
        if client and is_written(client, props["owner"], self.KIND, values, always=always):
            yield claim_write(client, props["owner"], self.KIND, values)

    def may_write(self, olds: Props, props: Props) -> bool:
        """Always, since others may have changed it: its client is read in any case."""
        return True

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        return f"{realm.name}/{props['client_uuid']}/{self.KIND}", self._take(realm, props, None)

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        notes = self._take(realm, news, olds)
        if news["owner"] != olds["owner"]:
            drop_claim(realm.clients, news["client_uuid"], olds["owner"], self.KIND)
        return notes

    def _take(self, realm: Realm, props: Props, olds: Props | None) -> Props:
        taken = take(
            realm.clients,
            props["client_uuid"],
            props["owner"],
            self.KIND,
            self.values(props),
            writer=writer(props),
            always=props.get("on_remove") == REVOKE,
            note=lambda client: self.noted(realm, client),
            remembered=_taken(olds, self.values(props)) if olds else None,
            former=olds.get("owner") if olds else None,
        )
        return {"found": taken.found, "was": dict(taken.was)}

    def fetch(self, realm: Realm, id_: str, props: Props) -> Props | None:
        client = realm.clients.get(props["client_uuid"])
        if client is None:
            return None
        claim = claim_of(client, props["owner"], self.KIND)
        lost = self.lost(ObjectMark.of(claim), id_, props) if props.get("found") == CLAIMED else {}
        return {"client_id": client.client_id, **self.shown(client), **lost}

    def bears(self, realm: Realm, id_: str, props: Props) -> ObjectMark | None:
        return ObjectMark.of(claim_of(realm.clients.get(props["client_uuid"], max_age=0), props["owner"], self.KIND))

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        if props.get("on_remove") == KEEP:
            drop_claim(realm.clients, props["client_uuid"], props["owner"], self.KIND)
            tell_kept(self._named(props))
            return
        off = self.off(props) if props.get("on_remove") == REVOKE else None
        client = release(
            realm.clients,
            props["client_uuid"],
            props["owner"],
            self.KIND,
            taken=_taken(props, self.values(props)),
            values=self.values(props),
            off=off,
        )
        if client:
            others = sorted({claim.owner for claim in held_by_others(client, props["owner"], self.KIND)})
            with never_in_the_way(self._named(props)):
                self.tell_left(realm, client, others, props)

    def tell_left(self, realm: Realm, client: Client, others: list[str], props: Props) -> None:
        """Says what stays of a removed setting. ``others``: the owners who claim it, too."""
        if others:
            info(f"{self._named(props)}: stays on, another stack uses it.")
        elif props.get("found") == USED and props.get("on_remove") != REVOKE:
            info(f"{self._named(props)}: already existed as wanted and is left unchanged.")


def _taken(props: Props, fields: Iterable[str]) -> Taken:
    """What the state remembers; Pulumi leaves out of it the fields that were not set."""
    was = props.get("was")
    return Taken(str(props.get("found")), {} if was is None else {**dict.fromkeys(fields), **was})
