"""Guards of a realm's token exchange: who may exchange, whose tokens, for which users and scopes; both exchanges obey.

They are client policies and client profiles of the realm; they need Keycloak 26.5 and a login with ``manage-realm``.
https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

import os
from collections.abc import Iterator, Mapping, Sequence

import pulumi
from pulumi.dynamic import CheckResult, ReadResult

from kcadmin.guards.claimed import (
    TakenGuards,
    borrowed_marks,
    borrowing,
    changed_by_others,
    claim_on,
    release_guards,
    require_one_owner,
    take_guards,
    take_mark_back,
)
from kcadmin.guards.client_policies import missing_from_server
from kcadmin.guards.entries import Guards
from kcadmin.guards.faults import faults, type_faults
from kcadmin.guards.marks import KIND, MARKED, label_for
from kcadmin.marks.ownership import Writer
from kcadmin.marks.whose import TAKEN_OVER_BY
from kcadmin.objects.claims import claim_of
from kcadmin.objects.realm import Realm
from kcadmin.objects.writers import continuing
from kcadmin.rest.errors import Refusal
from kcadmin.rest.texts import shown
from providers.base.connections import Server
from providers.base.held import HELD, ObjectMark, own_number, writer
from providers.base.judged_writes import ClientWrite, claim_write
from providers.base.messages import failure, info, warn
from providers.base.provider import KeycloakProvider, Props
from providers.base.resource import KeycloakResource, Text, Texts
from providers.base.uuids import is_known


class ExchangeGuardsProvider(KeycloakProvider):
    """Create, read, update and delete of one owner's part. ``drift``: what others changed of it, a sentence each."""

    OBJECT = "exchange guards"
    INPUTS = ("realm", "requesters", "sources", "no_wider_scopes", "user_claims", "scopes")
    CONSTANT = {"drift": []}
    SENTENCES = ("drift",)
    PLANNED = True
    SETS = ("requesters", "no_wider_scopes")
    REPLACE_ON = ("realm",)
    CLIENTS = {}

    def check(self, _olds: Props, news: Props) -> CheckResult:
        result = super().check(_olds, news)
        props = result.inputs
        if result.failures or not self._all_known(props):
            return result
        if props.get("sources"):
            props["sources"] = {name: list(clients) for name, clients in Guards.read(props).sources.items()}
        if _olds.get("owner") != props.get("owner"):
            owner = os.environ.get(TAKEN_OVER_BY) or props["owner"]  # the former one's are another stack's, as is known
            try:
                with continuing(props.get(HELD) or ()):
                    require_one_owner(self.realm(props), owner, writer(props))
            except Refusal as problem:
                result.failures.append(failure(problem.clause))
        if any(_olds.get(field) != props.get(field) for field in self.INPUTS):
            guards = Guards.read(props)
            lacks = missing_from_server(self.realm(props).session, guards.conditions, guards.executors)
            for lack in lacks:
                fault = f"the server lacks {lack}; update Keycloak to 26.5 or newer, or leave out what needs it"
                result.failures.append(failure(f"{self._named(props)}: {fault}."))
        return result

    def refusals(self, props: Props) -> Iterator[str]:
        if self._all_known(props):
            yield from type_faults(props) or faults(Guards.read(props))

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        self._take_marks_back(realm, props)
        held = take_guards(realm, props["owner"], Guards.read(props), writer=writer(props))
        return f"{realm.name}/{KIND}", {"client_uuids": dict(held.uuids)}

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        self._take_marks_back(realm, news)
        held = take_guards(realm, news["owner"], Guards.read(news), _held(olds), writer=writer(news))
        return {"client_uuids": dict(held.uuids)}

    def fetch(self, realm: Realm, id_: str, props: Props) -> Props | None:
        changed = changed_by_others(realm, _held(props, id_))
        return None if changed is None else {"drift": changed}

    def client_writes(self, realm: Realm, olds: Props, props: Props) -> Iterator[ClientWrite]:
        for client_id in Guards.read(props).marked if self._all_known(props) else ():
            client = realm.clients.find(client_id)
            if client and claim_of(client, props["owner"], KIND) is None:
                yield claim_write(client, props["owner"], KIND, {MARKED: label_for(client.uuid)})

    def bears(self, realm: Realm, id_: str, props: Props) -> ObjectMark | None:
        return ObjectMark.of(claim_on(realm, _held(props, id_)))

    def read(self, id_: str, props: Props) -> ReadResult:
        """A refresh also reads the marks of the realm's other clients, which a quiet preview does not."""
        now = super().read(id_, props)
        for told in (now.outs, now.inputs) if now.id else ():
            if told is not None and "drift" in told:
                told["drift"] = [*told["drift"], *borrowed_marks(self.realm(props), _held(props))]
        return now

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        if release_guards(realm, _held(props)):
            info(f"{self._named(props)}: what other stacks declare as well stays.")

    def _take_marks_back(self, realm: Realm, props: Props) -> None:
        for client in list(borrowing(realm)):
            warn(
                f"{self._named(props)}: client {shown(client.client_id)} bore a mark that was made for another client, "
                "so its guards took one for the other; the mark is taken away. Find out who may change these clients."
            )
            take_mark_back(realm, client)

    def _named(self, props: Props) -> str:
        realm = props.get("realm")
        return f"{self.OBJECT} of realm {shown(realm if realm and is_known(realm) else '?')}"

    def _all_known(self, props: Props) -> bool:
        return all(is_known(props.get(field)) for field in self.INPUTS)


def _held(outs: Props, id_: str = "") -> TakenGuards:
    number = own_number(id_, outs) if id_ else ""
    return TakenGuards(outs["owner"], Guards.read(outs), outs["client_uuids"], Writer("", number))


class ExchangeGuards(KeycloakResource, module="keycloak", name="ExchangeGuards"):
    """Restricts every token exchange of a realm, standard and legacy; what several stacks declare adds up.

    All clients are named by client id. A requester may be named that is created in the same run, before this resource.

    :param requesters: only these clients, and those of other stacks' guards, may exchange at all. Left out: anybody may.
    :param sources: by requester, the clients whose tokens it may exchange; itself too, where it exchanges its own.
    :param scopes: by requester and optional client scope of it, the clients whose tokens it may exchange when it asks for
        that scope: so an audience that only such a scope brings is for these sources alone. Standard exchange.
    :param no_wider_scopes: requesters whose exchanged tokens hold no scope that the subject token has not. Their audience
        mappers must be in client scopes: Keycloak leaves out those of the client itself.
    :param user_claims: by requester and claim of the subject token, a regular expression that the whole value must match,
        such as ``{"api": {"preferred_username": "alice|bob"}}``. Only texts and numbers at the top of the token.
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
