"""A real exchange at the end of ``pulumi up``: fails the run, with Keycloak's words, if the grant does not work.

It is made again whenever a part of its grant is. Nothing is written to the realm; the tokens are ended at once.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from kcadmin.marks.ownership import stack_of
from kcadmin.objects.claims import claims
from kcadmin.objects.features import LEGACY, SWITCH, SWITCH_CLAIM
from kcadmin.objects.realm import Realm
from kcadmin.rest.texts import named
from providers.base.connections import Server
from providers.base.messages import warn
from providers.base.passing import PassingProvider
from providers.base.props import KeycloakProps, Outputs, made_of, output, outputs
from providers.base.resource import KeycloakResource, Text
from reach.proof import Case, prove_once, require_proved


@dataclass(frozen=True, kw_only=True)
class ProofProps(KeycloakProps):
    grant: str
    exchange: str
    flow: str
    source: str
    requester: str
    target: str
    audience: str | None = None
    login_scope: str | None = None
    exchange_scope: str | None = None
    needs_user: bool | None = None
    exact: bool | None = None
    parts: tuple[str, ...]
    proved_azp: str | None = output()
    proved_aud: tuple[str, ...] | None = output()


class ExchangeProofProvider(PassingProvider):
    """Proves one flow at create and update; it has nothing to read or to delete."""

    OBJECT = "proof of grant"
    PROPS = ProofProps
    REPLACE_ON = ("realm",)
    CONSTANT = {"proved": True}
    LATER = ("proved",)

    def create_in(self, realm: Realm, props: ProofProps) -> tuple[str, Outputs]:
        return f"{realm.name}/{props.grant}/{props.flow}/{props.source}", self._proved(realm, props)

    def change(self, realm: Realm, id_: str, olds: ProofProps, news: ProofProps) -> Outputs:
        return self._proved(realm, news)

    def _proved(self, realm: Realm, props: ProofProps) -> Outputs:
        if props.exchange == LEGACY and _switch_goes(realm, props):
            warn(
                f"{self.named(props)}: not proved yet, since the standard exchange of {named(props.requester)} is switched "
                "off at the end of this run; run `pulumi up` once more to prove it."
            )
            return outputs(proved=False)
        verdict = prove_once(realm.session, made_of(Case, props), os.environ, needs_user=bool(props.needs_user))
        for token in verdict.left_open:
            warn(token)
        require_proved(verdict)
        claims = verdict.exchanged_claims
        found = (claims.azp, sorted(claims.aud)) if claims else ("", [])
        return outputs(proved=True, proved_azp=found[0], proved_aud=found[1])


def _switch_goes(realm: Realm, props: ProofProps) -> bool:
    """Whether only this stack claims the requester's switch. When a grant moves to legacy, the switch is deleted last."""
    client = realm.clients.find(props.requester)
    owners = {stack_of(claim.owner) for claim in claims(client, SWITCH_CLAIM)}
    return client is not None and client.is_on(SWITCH) and owners == {stack_of(props.owner)}


class ExchangeProof(KeycloakResource, module="keycloak", name="ExchangeProof"):
    """Fails ``pulumi up`` when one flow of a grant is refused.

    The subject is the user in ``KEYCLOAK_USER`` with ``KEYCLOAK_USER_PASS``, else the source's service account. Client secrets
    come from ``KEYCLOAK_CLIENT_SECRET_<CLIENT_ID>``, else from the server.

    :param login_scope: the scope to request when the source's token is fetched. exchange_scope: the scope to request at the
        exchange.
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
