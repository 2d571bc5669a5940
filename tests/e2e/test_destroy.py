"""What ``destroy`` says goes on, and that it does: issued tokens, a switch, a mapper and a policy that were there before."""

from collections.abc import Mapping
from typing import Any

import pytest

from kcadmin.rest.tokens import ClientCredentials, TokenEndpoint
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import both_flows, exchanged, grant, neither_flow, refused
from tests.e2e.stack import Run
from tests.support.realms import TestRealm, hang_on

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
SWITCH = "standard.token.exchange.enabled"
REMEDY = "; take that away if nobody needs it."


def ask(realm: TestRealm, endpoint: str, client: str, **form: str) -> Mapping[str, Any]:
    """The answer of an OpenID Connect endpoint to a client."""
    at = f"/realms/{realm.name}/protocol/openid-connect/{endpoint}"
    answer = realm.session.public("POST", at, form={"client_id": client, "client_secret": "s", **form})
    assert answer.ok, answer.text
    found: Mapping[str, Any] = answer.json()
    return found


def diagnostics(run: Run) -> str:
    """What a command says in the end; while it runs it shows the same lines."""
    return run.output.rpartition("Diagnostics:")[2]


def tokens(realm: TestRealm, client: str, **form: str) -> Mapping[str, Any]:
    """What a client gets for a user's token of ``frontend``."""
    subject = {"subject_token": realm.user_token("frontend"), "subject_token_type": f"{TOKEN_TYPE}access_token"}
    return ask(realm, "token", client, grant_type=EXCHANGE, **subject, **form)


@pytest.mark.parametrize(
    ("exchange", "lives"),
    [
        (
            "standard",
            [
                "client 'api' in realm '{}': access tokens that it got by exchange live up to 10 minutes, "
                "refresh tokens until the user's session ends.",
                "client 'frontend' in realm '{}': access tokens that it got by exchange live up to 30 minutes, "
                "refresh tokens until the user's session ends.",
            ],
        ),
        (
            "legacy",
            [
                "client 'api' in realm '{}': access tokens that were exchanged for it live up to 10 minutes, "
                "refresh tokens, where given, until the user's session ends.",
            ],
        ),
    ],
)
def test_issued_tokens_live_as_long_as_destroy_says(
    exchange: str, lives: list[str], make_realm: MakeRealm, new_stack: NewStack
) -> None:
    realm = make_realm(exchange)
    realm.session.put(realm.at(), {"accessTokenLifespan": 600})
    realm.change("frontend", attributes={"access.token.lifespan": "1800"})
    stack = new_stack(realm, exchange)
    stack.configure(grant(**({"allowRefresh": True} if exchange == "standard" else {})), exchange=exchange)
    stack.up("--skip-preview")
    got = {"frontend": tokens(realm, "frontend", audience="api"), "api": tokens(realm, "api")}
    refresh = tokens(realm, "api", requested_token_type=f"{TOKEN_TYPE}refresh_token")["refresh_token"]
    minutes = {client: round(answer["expires_in"] / 60) for client, answer in got.items()}
    assert minutes == ({"frontend": 30, "api": 10} if exchange == "standard" else {"frontend": 10, "api": 10})

    destroyed = stack.destroy("--skip-preview")
    for line in lives:
        assert diagnostics(destroyed).count(line.format(realm.name)) == 1, destroyed.output
    assert diagnostics(destroyed).count("access tokens") == len(lives), destroyed.output
    assert "may still" not in destroyed.output
    assert sum(str(each) == f"GET {realm.at()} 200" for each in destroyed.requests) == 1, "one look at the realm"
    neither_flow(realm)
    for answer in got.values():
        assert ask(realm, "token/introspect", "api", token=answer["access_token"])["active"] is True
    assert ask(realm, "token", "api", grant_type="refresh_token", refresh_token=refresh)["access_token"]


@pytest.mark.standard_exchange
def test_a_switch_and_a_mapper_that_stay_are_named(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("standard", frontend={"attributes": {SWITCH: "true"}}, api={})
    realm.mapper("frontend", "theirs", "api", **{"id.token.claim": "true"})
    before = realm.export()
    stack = new_stack(realm, "standard")
    stack.configure(grant())
    stack.up("--skip-preview")
    destroyed = diagnostics(stack.destroy("--skip-preview"))
    assert realm.export() == before
    for line in (
        "client 'frontend' in realm '{}': may still exchange tokens, since its standard exchange was on before this stack "
        "and stays on",
        "client 'frontend' in realm '{}': its tokens may still be exchanged for 'api', which the audience mapper 'theirs' "
        "puts into them: by either client while its standard exchange is on, by 'api' also with the legacy exchange",
    ):
        assert destroyed.count(line.format(realm.name) + REMEDY) == 1, destroyed
    assert destroyed.count("may still") == 2
    exchanged(realm, "frontend", "api", "standard", asks=True)
    refused(realm, "api")


def test_a_policy_that_stays_is_named(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("legacy")
    hang_on(realm, "theirs", "AFFIRMATIVE", client="frontend")
    realm.mapper("frontend", "also theirs", "api")
    before = realm.export()
    stack = new_stack(realm, "legacy")
    stack.configure(grant(), exchange="legacy")
    stack.up("--skip-preview")
    both_flows(realm, "legacy")
    destroyed = diagnostics(stack.destroy("--skip-preview"))
    assert realm.export() == before
    for line in (
        "client 'api' in realm '{}': tokens may still be exchanged for it by clients that the policies 'theirs' on its "
        "token-exchange permission match",
        "client 'frontend' in realm '{}': its tokens may still be exchanged for 'api', which the audience mapper "
        "'also theirs' puts into them: by either client while its standard exchange is on, by 'api' also with the legacy "
        "exchange",
    ):
        assert destroyed.count(line.format(realm.name) + REMEDY) == 1, destroyed
    assert destroyed.count("may still") == 2
    endpoint, token = TokenEndpoint(realm.session, realm.name), realm.user_token("frontend")
    for client, audience in (("frontend", "api"), ("api", None)):
        assert endpoint.exchange(ClientCredentials(client, "s"), token, audience=audience).access_token
