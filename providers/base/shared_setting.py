"""Settings of a client that several stacks may share: taken under a claim, and restored by the last owner."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from kcadmin.objects.claims import Kind
from kcadmin.objects.clients import RECENT_SECONDS, Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import (
    CLAIMED,
    USED,
    Taken,
    held_by_others,
    is_written,
    release,
    take,
)
from providers.base.after_removal import never_in_the_way, tell_kept, tell_unchanged
from providers.base.claimed import ClaimedProvider, setting_id
from providers.base.messages import info
from providers.base.props import KEEP, RESTORE, REVOKE, ClientProps, Outputs, outputs
from providers.base.provider import Props
from reach.judged_writes import ClientWrite, claim_write

Values = Mapping[str, object]


class SharedSettingProvider(ClaimedProvider):
    """The lifecycle. ``KIND``: the claim's kind. ``OFF``: the values of the fields when nobody wants the setting."""

    KIND: ClassVar[Kind]
    OFF: ClassVar[Values]
    CONSTANT = {"enabled": True}
    PLANNED = True
    ON_REMOVE = (RESTORE, REVOKE, KEEP)

    @abstractmethod
    def values(self, props: Any) -> Values:
        """The client's fields, and attributes as ``attributes.<key>``, as declared."""

    @abstractmethod
    def shown(self, client: Client) -> Outputs:
        """The managed fields as the client has them."""

    def noted(self, realm: Realm, client: Client) -> Values:
        """What else to note about the client before the first claim, besides the fields."""
        return {}

    def client_writes(self, realm: Realm, olds: ClientProps | None, props: ClientProps) -> Iterator[ClientWrite]:
        client, values = realm.clients.get(props.client_uuid), self.values(props)
        always = props.revoke
        if client and is_written(client, props.owner, self.KIND, values, always=always):
            yield claim_write(client, props.owner, self.KIND, values)

    def may_write(self, olds: Props, props: Props) -> bool:
        """Always true, since others may have changed it, and its client is read in any case."""
        return True

    def create_in(self, realm: Realm, props: Any) -> tuple[str, Outputs]:
        return setting_id(realm, props.client_uuid, self.KIND), self._take(realm, props, None)

    def change(self, realm: Realm, id_: str, olds: Any, news: Any) -> Outputs:
        notes = self._take(realm, news, olds)
        self.drop_former(realm, olds, news)
        return notes

    def _take(self, realm: Realm, props: ClientProps, olds: ClientProps | None) -> Outputs:
        taken = take(
            realm.clients,
            props.client_uuid,
            props.owner,
            self.KIND,
            self.values(props),
            writer=props.writer,
            always=props.revoke,
            note=lambda client: self.noted(realm, client),
            remembered=_taken(olds, self.values(props)) if olds else None,
            former=olds.owner if olds else None,
        )
        return outputs(found=taken.found, was={**(self.noted_apart(olds) if olds else {}), **taken.was})

    def noted_apart(self, olds: Any) -> Values:
        """What a state of an earlier version contains besides ``was``."""
        return {}

    def fetch(self, realm: Realm, id_: str, props: ClientProps) -> Outputs | None:
        client = realm.clients.get(props.client_uuid)
        if client is None:
            return None
        lost = self.lost(self.claim(realm, props).mark(), id_, props) if props.found == CLAIMED else {}
        return {"client_id": client.client_id, **self.shown(client), **lost}

    def kind(self, props: ClientProps) -> Kind:
        return self.KIND

    def remove(self, realm: Realm, id_: str, props: Any) -> None:
        if props.keep:
            self.claim(realm, props).drop()
            tell_kept(self.named(props))
            return
        off = self.OFF if props.revoke else None
        client = release(
            realm.clients,
            props.client_uuid,
            props.owner,
            self.KIND,
            taken=_taken(props, self.values(props)),
            values=self.values(props),
            off=off,
            max_age=RECENT_SECONDS,  # ``delete`` has just read the claim's owner
        )
        if client:
            others = sorted({claim.owner for claim in held_by_others(client, props.owner, self.KIND)})
            with never_in_the_way(self.named(props)):
                self.tell_left(realm, client, others, props)

    def tell_left(self, realm: Realm, client: Client, others: list[str], props: Any) -> None:
        """Reports what stays of a removed setting. ``others``: the owners who claim it, too."""
        if others:
            info(f"{self.named(props)}: stays on, another stack uses it.")
        elif props.found == USED and not props.revoke:
            tell_unchanged(self.named(props))


def _taken(props: ClientProps, fields: Iterable[str]) -> Taken:
    """The values in the state, from which Pulumi leaves out fields that were not set."""
    return Taken(props.found, {} if props.was is None else {**dict.fromkeys(fields), **props.was})
