"""A client scope in a client's list of default or optional scopes.

https://www.keycloak.org/docs/latest/server_admin/#_client_scopes_linking
"""

from collections.abc import Iterator

import pulumi

from kcadmin.marks.ownership import hash16, same_stack
from kcadmin.objects.claims import Claim, claim_of
from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL
from kcadmin.objects.clients import RECENT_SECONDS
from kcadmin.objects.mappers import AudienceMappers
from kcadmin.objects.near_names import near_scopes
from kcadmin.objects.realm import Realm
from kcadmin.objects.setting_claims import assignment_kind
from kcadmin.objects.shared_settings import drop_claim, write_claim
from kcadmin.objects.writers import require_one_stack
from kcadmin.rest.errors import Refusal
from kcadmin.rest.texts import named, shown
from providers.base.after_removal import tell_kept
from providers.base.compare import KEEP, RESTORE, REVOKE
from providers.base.connections import Server
from providers.base.held import KEEPS, ObjectMark, writer
from providers.base.judged_writes import ClientWrite, claim_write
from providers.base.messages import info
from providers.base.provider import KeycloakProvider, Props
from providers.base.resource import KeycloakResource, Text, Texts

CREATED, USED = "created", "used"


class ClientScopeAssignmentProvider(KeycloakProvider):
    """Create, read and delete of the assignment. One of a stranger's scope is noted in a claim on the client first."""

    OBJECT = "client scope assignment of client"
    INPUTS = ("realm", "client_id", "client_uuid", "scope", "scope_id", "kind", "takes_away")
    REPLACE_ON = ("realm", "client_uuid", "scope", "scope_id", "kind")
    FREE_WHEN_UNSET = ("scope_id", "takes_away")
    SETS = ("takes_away",)
    PLANNED = True
    ON_REMOVE = (RESTORE, REVOKE, KEEP)
    CHOICES = {"kind": (DEFAULT, OPTIONAL)}

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        uuid, name, kind = props["client_uuid"], props["scope"], props["kind"]
        now = realm.client_scopes.kind_of(uuid, name, max_age=RECENT_SECONDS)
        found = realm.client_scopes.named(name)
        if not found:
            raise Refusal(
                f"{self._named(props)}: client scope {named(name)} does not exist; create it, or correct scope"
                f"{near_scopes(realm, name)}."
            )
        scope_id, ours = str(found[0].id), found[0].mark == hash16(props["owner"])
        if ours:
            require_one_stack(realm.name, props["owner"], f"client scope {shown(name)}", found[0].writer, writer(props))
        id_ = f"{realm.name}/{uuid}/{scope_id}"
        if now == kind:
            created = ours or self._claim(realm, props) is not None
            is_noted = props.get(KEEPS)  # by who hands it over
            if not is_noted and (created or props.get("on_remove") == REVOKE):  # another resource may be deleted next
                write_claim(realm.clients, uuid, Claim(props["owner"], assignment_kind(name), {}, {}, writer(props)))
            self._take_away(realm, props)
            return id_, {"scope_id": scope_id, "found": CREATED if created else USED}
        if now is not None:
            raise Refusal(
                f"{self._named(props)}: holds {named(name)} as {now} scope instead of {kind}; take it out there, or set "
                f"kind to {now}."
            )
        if not ours:
            write_claim(realm.clients, uuid, Claim(props["owner"], assignment_kind(name), {}, {}, writer(props)))
        realm.client_scopes.assign(uuid, scope_id, kind)
        self._take_away(realm, props)
        return id_, {"scope_id": scope_id, "found": CREATED}

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        if self._claim(realm, olds) or self._claim(realm, news) or news.get("on_remove") == REVOKE:
            claim = Claim(news["owner"], assignment_kind(news["scope"]), {}, {}, writer(news))
            write_claim(realm.clients, news["client_uuid"], claim)
            if olds["owner"] != news["owner"]:
                drop_claim(realm.clients, news["client_uuid"], olds["owner"], assignment_kind(olds["scope"]))
        self._take_away(realm, news)
        return {"scope_id": olds["scope_id"]}

    def client_writes(self, realm: Realm, olds: Props, props: Props) -> Iterator[ClientWrite]:
        client, name = realm.clients.get(props["client_uuid"]), props["scope"]
        if client is None or self._claim(realm, props):
            return
        ours = any(each.mark == hash16(props["owner"]) for each in realm.client_scopes.named(name))
        held = realm.client_scopes.kind_of(client.uuid, name) == props["kind"]
        moves = olds.get("owner") is not None and self._claim(realm, {**olds, "client_uuid": client.uuid}) is not None
        if moves or (ours or props.get("on_remove") == REVOKE if held else not ours):
            yield claim_write(client, props["owner"], assignment_kind(name))

    def _take_away(self, realm: Realm, props: Props) -> None:
        """Deletes audience mappers of this stack on the client: beside them the scope's condition would be none."""
        mappers = AudienceMappers(realm.clients, props["client_uuid"], max_age=RECENT_SECONDS)
        for mapper_id in props.get("takes_away") or ():
            found = mappers.get(mapper_id)
            if found and not same_stack(found.owner or "", props["owner"]):
                raise Refusal(
                    f"{self._named(props)}: audience mapper {named(found.name)} is another's now; run `pulumi up` again."
                )
            if found:
                mappers.delete(mapper_id)

    def fetch(self, realm: Realm, id_: str, props: Props) -> Props | None:
        client = realm.clients.get(props["client_uuid"])
        kind = realm.client_scopes.kind_of(props["client_uuid"], props["scope"])
        if client is None or kind is None:
            return None
        claim = self._claim(realm, props)  # none where the scope is this stack's, and its first resource hands it out
        return {
            "client_id": client.client_id,
            "kind": kind,
            **(self.lost(ObjectMark.of(claim), id_, props) if claim else {}),
        }

    def bears(self, realm: Realm, id_: str, props: Props) -> ObjectMark | None:
        client = realm.clients.get(props["client_uuid"], max_age=0)
        return ObjectMark.of(claim_of(client, props["owner"], assignment_kind(props["scope"])))

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        if props.get("on_remove") == KEEP:
            drop_claim(realm.clients, props["client_uuid"], props["owner"], assignment_kind(props["scope"]))
            tell_kept(self._named(props))
        elif props.get("found") == CREATED or props.get("on_remove") == REVOKE:
            realm.client_scopes.unassign(props["client_uuid"], props["scope_id"], props["kind"])
            drop_claim(realm.clients, props["client_uuid"], props["owner"], assignment_kind(props["scope"]))
        else:
            drop_claim(realm.clients, props["client_uuid"], props["owner"], assignment_kind(props["scope"]))
            info(f"{self._named(props)}: {named(props['scope'])} already existed as wanted and is left unchanged.")

    def refusals(self, props: Props) -> Iterator[str]:
        if props.get("kind") is None:
            yield f"has no kind; choose {DEFAULT} or {OPTIONAL}"

    @staticmethod
    def _claim(realm: Realm, props: Props) -> Claim | None:
        return claim_of(realm.clients.get(props["client_uuid"]), props["owner"], assignment_kind(props["scope"]))


class ClientScopeAssignment(KeycloakResource, module="keycloak", name="ClientScopeAssignment"):
    """Hands a client scope to a client.

    :param client_id: the client whose tokens change; a client id, not a UUID.
    :param scope: the name of the client scope. scope_id: its id, for the order of one run.
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
