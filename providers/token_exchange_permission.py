"""Our policies on the permission that Keycloak evaluates at each legacy exchange to a client.

Keycloak makes that permission on ``realm-management`` (in ``master``: ``master-realm``) with the client's management
permissions. It is shared: only our policies are added and taken out.
https://www.keycloak.org/securing-apps/token-exchange#_client-to-client-permission
"""

from collections.abc import Collection, Iterable, Iterator

import pulumi

from kcadmin.authz.exchange_permission import AFFIRMATIVE, Attached, attach, cached_attached, detach
from kcadmin.authz.exchange_policies import judge
from kcadmin.authz.policies import UUID
from kcadmin.marks.ownership import hash16
from kcadmin.objects.claims import ATTACHED as ATTACHED_POLICY
from kcadmin.objects.claims import Claim, Kind, claim_of
from kcadmin.objects.features import LEGACY
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import permission_name
from kcadmin.objects.shared_settings import drop_claim, drop_claims, write_claim
from kcadmin.rest.errors import Refusal
from kcadmin.rest.texts import shown
from providers.base.after_removal import never_in_the_way, tell_token_life
from providers.base.compare import REVOKE
from providers.base.connections import Server
from providers.base.held import KEEPS, ObjectMark, Whose, whose, writer
from providers.base.judged_writes import ClientWrite, claim_write
from providers.base.messages import info, warn
from providers.base.provider import KeycloakProvider, Props
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.uuids import is_known

ATTACHED, FOUND = "attached", "found"


class TokenExchangePermissionProvider(KeycloakProvider):
    """Create, read, update and delete of our part in the permission."""

    OBJECT = "token-exchange permission of client"
    INPUTS = ("realm", "client_id", "client_uuid", "policies", "with_policies")
    CONSTANT = {"decision_strategy": AFFIRMATIVE}
    SETS = ("policies",)
    LATER = ("with_policies",)
    PLANNED = True

    def refusals(self, props: Props) -> Iterator[str]:
        policies = props.get("policies")
        if not is_known(policies):
            return
        if not policies:
            yield "policies is empty; give the id of at least one policy"
        for policy in policies or ():
            if not UUID.fullmatch(str(policy)):
                yield f"policies holds {shown(policy)}, which is not an id; give the id of a policy, such as policy.id"

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        self._judge(realm, props, props["policies"])
        return f"{realm.name}/{props['client_uuid']}/token-exchange", self._attach(realm, props)

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        gone = set(self._own(realm, id_, olds)) - set(news["policies"]) if olds.get("found") != FOUND else set()
        self._judge(realm, news, [policy for policy in news["policies"] if policy not in olds["policies"]])
        notes = self._attach(realm, news)
        for policy in olds["policies"]:
            if policy not in news["policies"] or olds["owner"] != news["owner"]:
                drop_claim(realm.clients, news["client_uuid"], olds["owner"], _kind(policy))
        if gone:
            detach(realm, news["client_uuid"], news["client_id"], gone)
        return notes

    def fetch(self, realm: Realm, id_: str, props: Props) -> Props | None:
        now = cached_attached(realm, props["client_uuid"])
        if now is None:
            return None
        claimed = [claim for policy in props["policies"] if (claim := self._claim(realm, props, policy))]
        lost = [lost for claim in claimed if (lost := self.lost(ObjectMark.of(claim), id_, props))]
        return {
            **(lost[0] if lost else {}),
            "policies": [policy for policy in props["policies"] if policy in now.policies],
            "decision_strategy": AFFIRMATIVE if now.is_alone(props["policies"]) else now.strategy,
        }

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        def go_next(now: Attached) -> bool:  # a grant's policy goes with its binding; others may stay without it
            ours = {policy for policy, mark in now.marks.items() if mark == hash16(props["owner"])}
            return props.get("with_policies") is True and now.policies.keys() & set(props["policies"]) <= ours

        if props.get("found") == FOUND and props.get("on_remove") != REVOKE:
            info(f"{self._named(props)}: already existed as wanted and is left unchanged.")
            return
        own = self._own(realm, id_, props)
        if not own:
            info(f"{self._named(props)}: goes on under another name in the stack.")
            return
        detach(realm, props["client_uuid"], props["client_id"], own, soon_deleted=go_next)
        keys = [claim.key for policy in own if (claim := self._claim(realm, props, policy))]
        drop_claims(realm.clients, props["client_uuid"], keys)
        with never_in_the_way(self._named(props)):
            client = realm.clients.get(props["client_uuid"])
            if client:
                tell_token_life(realm, client, LEGACY)

    def client_writes(self, realm: Realm, olds: Props, props: Props) -> Iterator[ClientWrite]:
        client, now = realm.clients.get(props["client_uuid"]), cached_attached(realm, props["client_uuid"])
        for policy in props["policies"] if client and now and is_known(props.get("policies")) else ():
            if client and now and policy in now.policies and not self._claim(realm, props, policy):
                yield claim_write(client, props["owner"], _kind(policy))

    def _attach(self, realm: Realm, props: Props) -> Props:
        now = attach(realm, props["client_uuid"], props["client_id"], props["policies"], props["owner"])
        of_strangers = bool(props.get("with_policies")) and not now.marked & set(props["policies"])
        if not of_strangers or props.get("on_remove") == REVOKE:
            self._note(realm, props, now.before)
        return {"found": FOUND if of_strangers else ATTACHED}

    def _note(self, realm: Realm, props: Props, before: Collection[str]) -> None:
        """Claims policies that hung there before: another resource of this stack may have attached them, and be deleted next.

        Who attaches a policy first writes no claim, so that a grant costs no write more. Nor does who takes over its number.
        """
        for policy in props["policies"]:
            if (policy in before and not props.get(KEEPS)) or self._claim(realm, props, policy):
                claim = Claim(props["owner"], _kind(policy), {}, {}, writer(props))
                write_claim(realm.clients, props["client_uuid"], claim)

    def _own(self, realm: Realm, id_: str, props: Props) -> list[str]:
        """The policies that are still this resource's to take out."""
        realm.clients.get(props["client_uuid"], max_age=0)
        claims = {policy: ObjectMark.of(self._claim(realm, props, policy)) for policy in props["policies"]}
        return [policy for policy, mark in claims.items() if whose(mark, id_, props) is Whose.OWN]

    @staticmethod
    def _claim(realm: Realm, props: Props, policy: str) -> Claim | None:
        return claim_of(realm.clients.get(props["client_uuid"]), props["owner"], _kind(policy))

    def _judge(self, realm: Realm, props: Props, policies: Iterable[str]) -> None:
        """Refuses policies that match no exchange; those of a grant are known to, and cost no look."""
        if props.get("with_policies"):
            return
        judgement = judge(realm.permissions_server(), realm.name, policies)
        if judgement.faults:
            raise Refusal(*judgement.faults)
        for note in judgement.notes:
            warn(note)


def _kind(policy: str) -> Kind:
    return Kind(f"{ATTACHED_POLICY}{policy}")


class TokenExchangePermission(KeycloakResource, module="keycloak", name="TokenExchangePermission"):
    """Hangs policies on the token-exchange permission of a target.

    :param client_id: the target's client id, not its UUID; its management permissions must be on.
    :param policies: ids of policies on the same ``realm-management``. Any of them may allow the exchange; one that matches
        none (a user policy, or a regex policy on another claim than ``scope``) is refused.
    :param with_policies: they are deleted with this resource, by the same owner, so that two stacks never race for the list;
        one that no stack has made hung there before, and stays.
    :param on_remove: ``revoke`` takes such a one out, too.
    """

    client_uuid: pulumi.Output[str]

    @property
    def permission(self) -> pulumi.Output[str]:
        """The permission's name."""
        return self.client_uuid.apply(permission_name)

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        client_id: Text,
        policies: Texts,
        client_uuid: Text | None = None,
        with_policies: Flag | None = None,
        owner: Text | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TokenExchangePermissionProvider(), resource_name, locals(), opts)
