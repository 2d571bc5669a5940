"""A real exchange at the end of ``pulumi up``: fails the run, with Keycloak's words, when the grant does not work.

It is made again whenever a part of its grant is. Nothing is written to the realm; the tokens are ended at once.
"""

import os
from collections.abc import Sequence

import pulumi

from kcadmin.marks.ownership import stack_of
from kcadmin.objects.claims import claims
from kcadmin.objects.client_secrets import ClientSecrets
from kcadmin.objects.features import LEGACY, SWITCH, SWITCH_CLAIM
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Refusal, sentence
from kcadmin.rest.texts import named
from providers.base.connections import Server
from providers.base.messages import warn
from providers.base.provider import KeycloakProvider, Props
from providers.base.resource import KeycloakResource, Text
from reach.proof import USER, USER_PASSWORD, Case, choose_subject, prove


class ExchangeProofProvider(KeycloakProvider):
    """Proves one flow at create and update; it has nothing to read or to delete."""

    OBJECT = "proof of grant"
    INPUTS = (
        "realm",
        "grant",
        "exchange",
        "flow",
        "source",
        "requester",
        "target",
        "audience",
        "login_scope",
        "exchange_scope",
        "needs_user",
        "exact",
        "parts",
    )
    SETS = ("parts",)
    REPLACE_ON = ("realm",)
    CLIENTS = {}
    CONSTANT = {"proved": True}
    LATER = ("proved",)

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        return f"{realm.name}/{props['grant']}/{props['flow']}/{props['source']}", self._proved(realm, props)

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        return self._proved(realm, news)

    def fetch(self, realm: Realm, id_: str, props: Props) -> Props | None:
        return {}  # an exchange that worked leaves nothing to look at

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        """Nothing stays of a proof."""

    def _proved(self, realm: Realm, props: Props) -> Props:
        session = realm.session
        if props["exchange"] == LEGACY and self._switch_goes(realm, props):
            warn(
                f"{self._named(props)}: not proved yet, since the standard exchange of {named(props['requester'])} is switched "
                "off at the end of this run; run `pulumi up` once more to prove it."
            )
            return {"proved": False}
        case = Case(
            grant=props["grant"],
            realm=realm.name,
            exchange=props["exchange"],
            flow=props["flow"],
            source=props["source"],
            requester=props["requester"],
            target=props["target"],
            audience=props.get("audience"),
            login_scope=props.get("login_scope"),
            exchange_scope=props.get("exchange_scope"),
            exact=bool(props.get("exact")),
        )
        if props.get("needs_user") and not os.environ.get(USER):
            wrong = "requires roles of users, so a service account proves nothing"
            remedy = f"set {USER} and {USER_PASSWORD} to a user who holds one, or set prove: false"
            raise Refusal(sentence("grant", case.grant, realm.name, wrong, remedy))
        subject = choose_subject(session, realm.name, case.source, os.environ)
        verdict = prove(session, case, subject, ClientSecrets(session, os.environ, read=True))
        for token in verdict.left_open:
            warn(token)
        if not verdict.proved:
            raise Refusal(
                sentence(
                    "grant",
                    case.grant,
                    realm.name,
                    f"the exchange by {named(case.requester)} of a token of "
                    f"{named(case.source)} is not proved ({verdict.reason})",
                    "correct the cause, or set prove: false",
                )
            )
        claims = verdict.exchanged_claims
        return {
            "proved": True,
            "proved_azp": claims.azp if claims else "",
            "proved_aud": sorted(claims.aud) if claims else [],
        }

    @staticmethod
    def _switch_goes(realm: Realm, props: Props) -> bool:
        """Whether the requester's switch is this stack's alone: moved to legacy, it goes with the deletes, which come last."""
        client = realm.clients.find(props["requester"])
        owners = {stack_of(claim.owner) for claim in claims(client, SWITCH_CLAIM)}
        return client is not None and client.is_on(SWITCH) and owners == {stack_of(props["owner"])}


class ExchangeProof(KeycloakResource, module="keycloak", name="ExchangeProof"):
    """Fails ``pulumi up`` when one flow of a grant is refused.

    The subject is the user in ``KEYCLOAK_USER`` with ``KEYCLOAK_USER_PASS``, else the source's service account. Client secrets
    come from ``KEYCLOAK_CLIENT_SECRET_<CLIENT_ID>``, else from the server.

    :param login_scope: what to ask for when the source's token is fetched; exchange_scope: at the exchange.
    :param needs_user: a service account proves nothing. exact: ``aud`` must be the target alone.
    :param parts: ids of the resources that the grant consists of; a new one makes a new proof.
    """

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        grant: str,
        exchange: str,
        flow: str,
        source: Text,
        requester: Text,
        target: Text,
        audience: Text | None,
        login_scope: Text | None = None,
        exchange_scope: Text | None = None,
        needs_user: bool | None = None,
        exact: bool | None = None,
        parts: Sequence[Text],
        owner: str,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(ExchangeProofProvider(), resource_name, locals(), opts)
