"""Objects that cannot have a mark: a claim on their client contains the owner."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from kcadmin.marks.ownership import Writer
from kcadmin.objects.claims import Claim, Kind, claim_of
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import drop_claim, write_claim
from kcadmin.objects.writers import require_one_stack
from providers.base.held import MarkedObject, ObjectMark
from providers.base.props import KeycloakProps, Outputs
from providers.base.provider import KeycloakProvider


def setting_id(realm: Realm, client_uuid: str, kind: Kind) -> str:
    """The id of a resource that is a setting of a client."""
    return f"{realm.name}/{client_uuid}/{kind}"


@dataclass(frozen=True)
class OwnClaim:
    """A resource's claim of a kind. props: of the resource. client_uuid: of the client that bears it."""

    realm: Realm
    client_uuid: str
    props: KeycloakProps
    kind: Kind

    def found(self, max_age: float = math.inf) -> Claim | None:
        """The claim as it is on the client. max_age: of a read, in seconds."""
        return claim_of(self.realm.clients.get(self.client_uuid, max_age=max_age), self.props.owner, self.kind)

    def mark(self, max_age: float = math.inf) -> ObjectMark | None:
        """The claim as a mark."""
        return ObjectMark.of(self.found(max_age))

    def write(self) -> None:
        """Writes it, before the object."""
        write_claim(self.realm.clients, self.client_uuid, Claim(self.props.owner, self.kind, {}, {}, self.props.writer))

    def drop(self) -> None:
        """Removes it; if it is gone, nothing is left to do."""
        drop_claim(self.realm.clients, self.client_uuid, self.props.owner, self.kind)


class ClaimedProvider(KeycloakProvider):
    """An object with one claim on its client."""

    @abstractmethod
    def kind(self, props: Any) -> Kind:
        """The kind of the claim."""

    def claim(self, realm: Realm, props: Any, client_uuid: str = "") -> OwnClaim:
        """The claim of this resource. client_uuid: if the resource does not know it yet."""
        return OwnClaim(realm, client_uuid or props.client_uuid, props, self.kind(props))

    def drop_former(self, realm: Realm, olds: Any, news: Any) -> None:
        """Removes the claim of an owner that has another name now."""
        if olds.owner != news.owner:
            self.claim(realm, olds).drop()

    def bears(self, realm: Realm, id_: str, props: Any) -> ObjectMark | None:
        return self.claim(realm, props).mark(max_age=0) or ObjectMark.around(self.handed_out(realm, props))

    def continues(self, realm: Realm, props: Any) -> Writer | None:
        claim = self.claim(realm, props).found()
        return claim.writer if claim else None

    def is_claimed(self, realm: Realm, props: Any) -> bool:
        """Whether this stack has claimed it before. :raises Refusal: another stack has, in the name of this one's owner."""
        found = self.continues(realm, props)
        require_one_stack(realm.name, props.owner, self.named(props), found, props.writer)
        return found is not None

    def handed_out(self, realm: Realm, props: Any) -> MarkedObject | None:
        """What the object gives to the client: its mark decides if nothing is claimed."""
        return None

    def lost_claim(self, realm: Realm, id_: str, props: Any) -> Outputs:
        """The claim's fields for ``fetch``; empty without a claim, since what is given to the client has a mark."""
        mark = self.claim(realm, props).mark()
        return self.lost(mark, id_, props) if mark else {}
