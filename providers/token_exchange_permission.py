"""Our policies on the permission that Keycloak evaluates at each legacy exchange to a client.

Keycloak makes it on ``realm-management``, with the client's management permissions. It is shared: only ours are added, and taken
out.
https://www.keycloak.org/securing-apps/token-exchange#_client-to-client-permission
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from kcadmin.authz.exchange_permission import AFFIRMATIVE
from kcadmin.authz.exchange_policies import id_faults
from kcadmin.objects.features import LEGACY
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import permission_name
from providers.base.after_removal import never_in_the_way, tell_goes_on, tell_token_life, tell_unchanged
from providers.base.attached import FOUND, AttachedPolicies
from providers.base.connections import Server
from providers.base.held import ObjectMark
from providers.base.props import ClientProps, Outputs, outputs
from providers.base.provider import KeycloakProvider
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.uuids import is_known
from reach.judged_writes import ClientWrite


@dataclass(frozen=True, kw_only=True)
class BindingProps(ClientProps):
    policies: tuple[str, ...]
    with_policies: bool | None = None


class TokenExchangePermissionProvider(KeycloakProvider):
    """Create, read, update and delete of our part in the permission."""

    OBJECT = "token-exchange permission of client"
    PROPS = BindingProps
    CONSTANT = {"decision_strategy": AFFIRMATIVE}
    LATER = ("with_policies",)
    PLANNED = True

    def refusals(self, props: BindingProps) -> Iterator[str]:
        yield from id_faults(props.policies) if is_known(props.policies) else ()

    def create_in(self, realm: Realm, props: BindingProps) -> tuple[str, Outputs]:
        found = AttachedPolicies(realm, props).attach(props.policies)
        return f"{realm.name}/{props.client_uuid}/token-exchange", outputs(found=found)

    def change(self, realm: Realm, id_: str, olds: BindingProps, news: BindingProps) -> Outputs:
        before, moves = AttachedPolicies(realm, olds), olds.owner != news.owner
        gone = before.own(id_) - {*news.policies} if olds.found != FOUND else ()
        new = [each for each in news.policies if each not in olds.policies]
        found = AttachedPolicies(realm, news).attach(new, used=olds.found == FOUND)
        before.drop(policy for policy in olds.policies if moves or policy not in news.policies)
        before.detach(gone)
        return outputs(found=found)

    def fetch(self, realm: Realm, id_: str, props: BindingProps) -> Outputs | None:
        ours = AttachedPolicies(realm, props)
        now = ours.now()
        if now is None:
            return None
        mark = ours.mark()
        strategy = AFFIRMATIVE if now.is_alone(props.policies) else now.strategy
        shown = outputs(policies=[each for each in props.policies if each in now.policies], decision_strategy=strategy)
        return {**shown, **(self.lost(mark, id_, props) if mark else {})}

    def bears(self, realm: Realm, id_: str, props: BindingProps) -> ObjectMark | None:
        return AttachedPolicies(realm, props).taken_over(id_)

    def remove(self, realm: Realm, id_: str, props: BindingProps) -> None:
        ours, of_others = AttachedPolicies(realm, props), props.found == FOUND and not props.revoke
        own = () if of_others else ours.own(id_)
        if not own:
            (tell_unchanged if of_others else tell_goes_on)(self.named(props))
            return
        ours.detach(own, for_good=True)
        ours.drop(own)
        with never_in_the_way(self.named(props)):
            tell_token_life(realm, realm.clients.get(props.client_uuid), LEGACY)

    def client_writes(self, realm: Realm, olds: BindingProps | None, props: BindingProps) -> Iterator[ClientWrite]:
        yield from AttachedPolicies(realm, props).unclaimed() if is_known(props.policies) else ()


class TokenExchangePermission(KeycloakResource, module="keycloak", name="TokenExchangePermission"):
    """Attaches policies to the token-exchange permission of a target.

    :param client_id: the target's client id, not its UUID; its management permissions must be on.
    :param policies: ids of policies on the same ``realm-management``. Any of them may allow the exchange; one that matches
        none (a user policy, or a regex policy on another claim than ``scope``) is refused.
    :param with_policies: they are deleted with this resource, by the same owner, so that two stacks never race for the list;
        one that no stack made existed before, and stays unless ``on_remove`` is ``revoke``.
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
