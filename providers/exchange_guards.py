"""Guards of a realm's token exchange: who may exchange, whose tokens, for which users and scopes; both exchanges obey.

They are client policies and client profiles of the realm; they need Keycloak 26.5 and a login with ``manage-realm``.
https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi

from kcadmin.guards import admission, claimed
from kcadmin.guards.faults import guard_faults, guard_type_faults
from kcadmin.guards.marks import KIND, MARKED, label_for
from kcadmin.objects.realm import Realm
from providers.base.connections import Server
from providers.base.held import ObjectMark, own_number
from providers.base.hooks import Judged
from providers.base.messages import info, warn
from providers.base.props import KeycloakProps, Outputs, output, outputs
from providers.base.provider import KeycloakProvider
from providers.base.resource import KeycloakResource, Text, Texts
from reach.judged_writes import ClientWrite, claim_write


@dataclass(frozen=True, kw_only=True)
class GuardsProps(KeycloakProps):
    requesters: tuple[str, ...] | None = None
    sources: Mapping[str, Sequence[str]] | None = None
    no_wider_scopes: tuple[str, ...] | None = None
    user_claims: Mapping[str, Mapping[str, str]] | None = None
    scopes: Mapping[str, Mapping[str, Sequence[str]]] | None = None
    client_uuids: Mapping[str, str] | None = output()


class ExchangeGuardsProvider(KeycloakProvider):
    """Create, read, update and delete of one owner's part. ``drift``: what others changed of it, a sentence each."""

    OBJECT = "exchange guards"
    PROPS = GuardsProps
    CONSTANT = {"drift": []}
    SENTENCES = ("drift",)
    PLANNED = True
    REPLACE_ON = ("realm",)

    def refusals(self, props: GuardsProps) -> Iterator[str]:
        if self.are_known(props):
            yield from guard_type_faults(vars(props)) or guard_faults(_held(props).guards)

    def judged(self, realm: Realm | None, olds: GuardsProps | None, props: GuardsProps) -> Judged:
        if realm is None or not self.are_known(props):
            return (), {}
        now, before = _held(props), _held(olds) if olds else None
        return [*admission.admission_faults(realm, self.named(props), now, before, props.writer, props.held)], {}

    def create_in(self, realm: Realm, props: GuardsProps) -> tuple[str, Outputs]:
        return f"{realm.name}/{KIND}", self.change(realm, "", None, props)

    def change(self, realm: Realm, id_: str, olds: GuardsProps | None, news: GuardsProps) -> Outputs:
        for text in claimed.take_marks_back(realm):
            warn(f"{self.named(news)}: {text}.")
        now, before = _held(news), _held(olds) if olds else None
        held = claimed.take_guards(realm, news.owner, now.guards, before, writer=news.writer)
        return outputs(client_uuids=dict(held.uuids))

    def fetch(self, realm: Realm, id_: str, props: GuardsProps) -> Outputs | None:
        changed = claimed.changed_by_others(realm, _held(props, id_))
        return None if changed is None else outputs(drift=changed)

    def fetch_in_full(self, realm: Realm, id_: str, props: GuardsProps) -> Outputs | None:
        changed = claimed.changed_by_others(realm, _held(props, id_))
        return None if changed is None else outputs(drift=[*changed, *claimed.borrowed_marks(realm, _held(props))])

    def client_writes(self, realm: Realm, olds: GuardsProps | None, props: GuardsProps) -> Iterator[ClientWrite]:
        for client in admission.unclaimed(realm, props.owner, _held(props).guards) if self.are_known(props) else ():
            yield claim_write(client, props.owner, KIND, {MARKED: label_for(client.uuid)})

    def bears(self, realm: Realm, id_: str, props: GuardsProps) -> ObjectMark | None:
        return ObjectMark.of(claimed.claim_on(realm, _held(props, id_)))

    def remove(self, realm: Realm, id_: str, props: GuardsProps) -> None:
        if claimed.release_guards(realm, _held(props)):
            info(f"{self.named(props)}: what other stacks declare as well stays.")


def _held(props: GuardsProps, id_: str = "") -> claimed.TakenGuards:
    return claimed.TakenGuards.read(props.owner, vars(props), props.client_uuids or {}, id_ and own_number(id_, props))


class ExchangeGuards(KeycloakResource, module="keycloak", name="ExchangeGuards"):
    """Restricts every token exchange of a realm, standard and legacy; the declarations of several stacks add up.

    All clients are given by client id. A requester may be created in the same run, before this resource.
    :param requesters: only these clients, and those of other stacks' guards, may exchange at all. Left out: anybody may.
    :param sources: by requester, the clients whose tokens it may exchange; itself too, where it exchanges its own.
    :param scopes: by requester and optional client scope, the clients whose tokens it may exchange for that scope (standard).
    :param no_wider_scopes: requesters whose exchanged tokens may have no scope that the subject token lacks. Their audience
        mappers must be in client scopes: Keycloak leaves out those of the client itself.
    :param user_claims: by requester and claim at the top of the subject token, a text or a number, a regular expression that
        the whole value must match, such as ``{"api": {"preferred_username": "alice|bob"}}``.
    """

    drift: pulumi.Output[Sequence[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        requesters: Texts | None = None,
        sources: pulumi.Input[Mapping[str, Texts]] | None = None,
        no_wider_scopes: Texts | None = None,
        user_claims: pulumi.Input[Mapping[str, pulumi.Input[Mapping[str, Text]]]] | None = None,
        scopes: pulumi.Input[Mapping[str, pulumi.Input[Mapping[str, Texts]]]] | None = None,
        owner: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(ExchangeGuardsProvider(), resource_name, locals(), opts)
