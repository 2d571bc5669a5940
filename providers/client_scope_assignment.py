"""A client scope in a client's list of default or optional scopes.

https://www.keycloak.org/docs/latest/server_admin/#_client_scopes_linking
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from kcadmin.marks.ownership import hash16
from kcadmin.objects.audience_scopes import AudienceScope
from kcadmin.objects.claims import Kind
from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL
from kcadmin.objects.mappers import delete_own_mappers
from kcadmin.objects.realm import Realm
from kcadmin.objects.setting_claims import assignment_kind
from kcadmin.objects.shared_settings import USED
from providers.base.after_removal import tell_kept, tell_unchanged
from providers.base.claimed import ClaimedProvider
from providers.base.connections import Server
from providers.base.owned import CREATED
from providers.base.props import KEEP, RESTORE, REVOKE, ClientProps, Outputs, outputs
from providers.base.resource import KeycloakResource, Text, Texts
from reach.judged_writes import ClientWrite, claim_write


@dataclass(frozen=True, kw_only=True)
class AssignedProps(ClientProps):
    scope: str
    scope_id: str | None = None
    kind: str
    takes_away: tuple[str, ...] | None = None


class ClientScopeAssignmentProvider(ClaimedProvider):
    """Create, read and delete of the assignment. For an unmanaged scope, a claim on the client is written first."""

    OBJECT = "client scope assignment of client"
    PROPS = AssignedProps
    REPLACE_ON = ("realm", "client_uuid", "scope", "scope_id", "kind")
    FREE_WHEN_UNSET = ("scope_id", "takes_away")
    PLANNED = True
    ON_REMOVE = (RESTORE, REVOKE, KEEP)
    CHOICES = {"kind": (DEFAULT, OPTIONAL)}

    def create_in(self, realm: Realm, props: AssignedProps) -> tuple[str, Outputs]:
        scopes, uuid = realm.client_scopes, props.client_uuid
        scope, now = scopes.to_assign(uuid, props.scope, props.kind, props.owner, props.writer)
        ours, is_claimed = scope.mark == hash16(props.owner), self.is_claimed(realm, props)
        created = now is None or ours or is_claimed
        if ((created or props.revoke) and not props.keeps) if now else not ours:  # another resource may be deleted next
            self.claim(realm, props).write()
        if now is None:
            scopes.assign(uuid, str(scope.id), props.kind)
        delete_own_mappers(realm.clients, uuid, props.takes_away or (), props.owner)
        return f"{realm.name}/{uuid}/{scope.id}", outputs(scope_id=str(scope.id), found=CREATED if created else USED)

    def change(self, realm: Realm, id_: str, olds: AssignedProps, news: AssignedProps) -> Outputs:
        if self.claim(realm, olds).found() or self.claim(realm, news).found() or news.revoke:
            self.claim(realm, news).write()
            self.drop_former(realm, olds, news)
        delete_own_mappers(realm.clients, news.client_uuid, news.takes_away or (), news.owner)
        return outputs(scope_id=olds.scope_id)

    def client_writes(self, realm: Realm, olds: AssignedProps | None, props: AssignedProps) -> Iterator[ClientWrite]:
        client, name = realm.clients.get(props.client_uuid), props.scope
        if client and not self.claim(realm, props).found():
            ours = any(each.mark == hash16(props.owner) for each in realm.client_scopes.named(name))
            held = realm.client_scopes.kind_of(client.uuid, name) == props.kind
            if (olds and self.claim(realm, olds, client.uuid).found()) or (ours or props.revoke if held else not ours):
                yield claim_write(client, props.owner, assignment_kind(name))

    def fetch(self, realm: Realm, id_: str, props: AssignedProps) -> Outputs | None:
        kind = realm.client_scopes.kind_of(props.client_uuid, props.scope)
        client = realm.clients.get(props.client_uuid) if kind else None
        if client is None:
            return None
        return {**outputs(client_id=client.client_id, kind=kind), **self.lost_claim(realm, id_, props)}

    def kind(self, props: AssignedProps) -> Kind:
        return assignment_kind(props.scope)

    def handed_out(self, realm: Realm, props: AssignedProps) -> AudienceScope | None:
        return realm.client_scopes.marked_now(props.scope_id) if props.scope_id and props.found == CREATED else None

    def remove(self, realm: Realm, id_: str, props: AssignedProps) -> None:
        if not props.keep and (props.found == CREATED or props.revoke):
            realm.client_scopes.unassign(props.client_uuid, props.scope_id or "", props.kind)
        else:
            (tell_kept if props.keep else tell_unchanged)(self.named(props))
        self.claim(realm, props).drop()


class ClientScopeAssignment(KeycloakResource, module="keycloak", name="ClientScopeAssignment"):
    """Adds a client scope to a client, which is given by its client id.

    :param scope: the name of the client scope. scope_id: its id, so that the scope is made before.
    :param kind: ``default``: in every token; ``optional``: in those whose request names it in ``scope``.
    :param takes_away: ids of audience mappers of the same owner on the client, which are deleted once it holds the scope.
    """

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        client_id: Text,
        scope: Text,
        kind: Text,
        client_uuid: Text | None = None,
        scope_id: Text | None = None,
        takes_away: Texts | None = None,
        owner: Text | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(ClientScopeAssignmentProvider(), resource_name, locals(), opts)
