"""Each rule of the policy pack: stacks that it refuses, with its words, and stacks that it lets pass."""

import datetime
import re
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pulumi_policy
import pytest
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

import policy.rules
from components.token_exchange_grant import describe
from grants.policy_facts import policy_facts
from kcadmin.marks.packed import OBJECT
from kcadmin.rest.connection import (
    ADMIN_PASSWORD,
    ASSERTION_COMMAND,
    ASSERTION_FILE,
    AssertionLogin,
    read_connection,
)
from policy.pack import as_policy, plain
from policy.rule import ADVISORY, MANDATORY, Rule, Violation
from policy.rules import RULES
from policy.stack import GRANT, PASSWORD, PROVIDER, Grant, Requester, Resource, Stack, read_stack
from tests.unit import test_wiring
from tests.unit.test_conditions import one

TODAY = datetime.date(2026, 6, 1)
PROJECT = Path(__file__).resolve().parents[2]
LEGACY: dict[str, Any] = {"exchange": "legacy"}
ASKS: dict[str, Any] = {**LEGACY, "requesters": (Requester("web"),), "asking": ("web",)}


def stack(*parts: Grant | Resource, name: str = "dev", login: str = "client") -> Stack:
    grants = tuple(each for each in parts if isinstance(each, Grant))
    return Stack(name, TODAY, login, grants, tuple(each for each in parts if isinstance(each, Resource)))


def grant(name: str = "g", sources: tuple[str, ...] = ("web",), target: str = "api", **more: Any) -> Grant:
    return Grant(name, **{"realm": "r", "sources": sources, "target": target, **more})


def requester(**facts: bool) -> Grant:
    return grant(requesters=(Requester("web", **facts),))


def resource(kind: str, **properties: Any) -> Resource:
    return Resource(f"{OBJECT}{kind}", urn(kind), {"realm": "r", **properties})


def urn(kind: str) -> str:
    return f"urn:pulumi:dev::p::{OBJECT}{kind}::its-name"


def chain(*names: str) -> tuple[Grant, ...]:
    """Grants from each client to the next."""
    return tuple(grant(f"{a}-{b}", (a,), b) for a, b in pairwise(names))


def named(name: str) -> Rule:
    (rule,) = (rule for rule in RULES if rule.name == name)
    return rule


REFUSED: list[tuple[str, Stack, dict[str, Any], list[str]]] = [
    (
        "tokens-name-no-actor",
        stack(
            resource("HardcodedClaimMapper", client_id="web", name="m", claim_name="act.sub"),
            resource("HardcodedClaimMapper", client_id="web", name="n", claim_name="may\\_act"),
        ),
        {},
        [
            "mapper 'm' of client 'web' in realm 'r': writes 'act', by which somebody acts for the user; remove it",
            "mapper 'n' of client 'web' in realm 'r': writes 'may_act'",
        ],
    ),
    (
        "requesters-are-confidential",
        stack(requester(public=True)),
        {},
        ["grant 'g' in realm 'r': requester 'web' is a public client; make it confidential."],
    ),
    (
        "requesters-have-no-full-scope",
        stack(requester(full_scope=True), replace(requester(full_scope=True), name="again")),
        {},
        [
            "grant 'g' in realm 'r': requester 'web' has full scope allowed; switch it off and map the roles that it needs."
        ],
    ),
    (
        "requesters-have-no-full-scope",
        stack(requester(full_scope=True), resource("FullScopeOff", realm="other", client_id="web")),
        {},
        ["grant 'g' in realm 'r': requester 'web' has full scope allowed"],
    ),
    (
        "exchanges-give-no-refresh-token",
        stack(resource("StandardTokenExchange", client_id="web", allow_refresh=True)),
        {},
        ["client 'web' in realm 'r': may exchange for refresh tokens; leave out allowRefresh."],
    ),
    (
        "exchanges-give-no-refresh-token",
        stack(grant(**ASKS), resource("RefreshTokensOff", client_id="api")),
        {},
        ["grant 'g' in realm 'r': the legacy exchange gives 'web' refresh tokens; use exchange: standard"],
    ),
    (
        "exchanged-tokens-are-short-lived",
        stack(resource("TokenLifespan", client_id="web", seconds=301)),
        {},
        ["client 'web' in realm 'r': its access tokens live 301 seconds; set tokenLifespan to 300 at most."],
    ),
    (
        "exchanged-tokens-are-short-lived",
        stack(resource("TokenLifespan", client_id="web", seconds=61)),
        {"seconds": 60},
        ["client 'web' in realm 'r': its access tokens live 61 seconds; set tokenLifespan to 60 at most."],
    ),
    (
        "standard-exchange-where-it-would-do",
        stack(grant(**LEGACY, standard_offered=True)),
        {},
        ["grant 'g' in realm 'r': uses the legacy exchange, but the server offers the standard one"],
    ),
    (
        "legacy-requesters-are-guarded",
        stack(grant(**ASKS)),
        {},
        [
            "grant 'g' in realm 'r': 'web' may exchange any client's token; set guards: [sources], or exchange: standard."
        ],
    ),
    (
        "legacy-requesters-are-guarded",
        stack(
            grant(**ASKS),
            resource("ExchangeGuards", requesters=["web"]),
            resource("ExchangeGuards", sources={"api": ["web"]}),
            resource("ExchangeGuards", realm="other", sources={"web": ["web"]}),
        ),
        {},
        ["grant 'g' in realm 'r': 'web' may exchange any client's token"],
    ),
    (
        "targets-have-few-sources",
        stack(grant(sources=("a", "b", "c")), grant("h", ("c", "d", "e", "f"))),
        {},
        ["target 'api' in realm 'r': has 6 sources ('a', 'b', 'c', 'd', 'e', 'f'), more than 5; remove some"],
    ),
    (
        "targets-have-few-sources",
        stack(grant(sources=("a", "b"))),
        {"sources": 1},
        ["target 'api' in realm 'r': has 2 sources ('a', 'b'), more than 1"],
    ),
    (
        "grants-form-no-chain",
        stack(*chain("a", "b", "c", "d")),
        {},
        [
            "grant 'b-c' in realm 'r': goes on from 'b' to 'c', while 'a-b' leads to 'b'; let 'b' call",
            "grant 'c-d' in realm 'r': goes on from 'c' to 'd', while 'b-c' leads to 'c'; let 'c' call",
        ],
    ),
    (
        "grants-form-no-chain",  # what leads out of a circle
        stack(*chain("a", "b", "a"), *chain("b", "c", "d")),
        {},
        ["grant 'c-d' in realm 'r': goes on from 'c' to 'd'"],
    ),
    (
        "grants-form-no-cycle",
        stack(*chain("a", "b", "c", "a"), *chain("x", "y", "x"), *chain("a", "y")),
        {},
        [
            "clients 'a', 'b', 'c' in realm 'r': grants 'a-b', 'b-c', 'c-a' form a circle; remove one of them.",
            "clients 'x', 'y' in realm 'r': grants 'x-y', 'y-x' form a circle; remove one of them.",
        ],
    ),
    *(
        (
            "targets-are-no-built-in-clients",
            stack(grant(target=client, realm=realm)),
            {},
            [
                f"grant 'g' in realm '{realm}': target '{client}' is a client of Keycloak's own; name a service of yours."
            ],
        )
        for realm, client in [
            ("r", "account"),
            ("r", "account-console"),
            ("r", "admin-cli"),
            ("r", "broker"),
            ("r", "realm-management"),
            ("r", "security-admin-console"),
            ("master", "master-realm"),
            ("master", "shop-realm"),
        ]
    ),
    (
        "targets-are-no-built-in-clients",
        stack(grant(target="vault")),
        {"clients": ["vault"]},
        ["grant 'g' in realm 'r': target 'vault' is a client"],
    ),
    *(
        (
            "targets-are-no-built-in-clients",
            stack(resource(kind, realm=realm, **properties)),
            {},
            [f"{told} is a client of Keycloak's own; name a service of yours."],
        )
        for kind, realm, properties, told in [
            (
                "AudienceMapper",
                "r",
                {"client_id": "shop", "included_client": "realm-management"},
                "audience mapper of client 'shop' in realm 'r': its audience 'realm-management'",
            ),
            (
                "AudienceMapper",
                "master",
                {"client_id": "shop", "custom_audience": "r-realm"},
                "audience mapper of client 'shop' in realm 'master': its audience 'r-realm'",
            ),
            (
                "AudienceScope",
                "r",
                {"name": "s", "included_client": "account"},
                "client scope 's' in realm 'r': its audience 'account'",
            ),
            (
                "AudienceScope",
                "r",
                {"name": "s", "client_roles": {"broker": ["read-token"], "api": ["r"]}},
                "client scope 's' in realm 'r': it has roles, and with them the audience, of client 'broker'",
            ),
            (
                "StandardTokenExchange",
                "r",
                {"client_id": "broker"},
                "standard token exchange in realm 'r': its client 'broker'",
            ),
            (
                "TokenExchangePermission",
                "r",
                {"client_id": "realm-management"},
                "token-exchange permission in realm 'r': its client 'realm-management'",
            ),
            (
                "ManagementPermissions",
                "r",
                {"client_id": "account"},
                "management permissions in realm 'r': its client 'account'",
            ),
            (
                "ScopePermission",
                "r",
                {"name": "p", "scopes": ["token-exchange"], "resource_server": "realm-management"},
                "scope permission 'p' in realm 'r': has the scope token-exchange on 'realm-management'",
            ),
        ]
    ),
    (
        "targets-are-no-built-in-clients",  # once, of the grant
        stack(grant(target="account"), resource("AudienceMapper", client_id="web", included_client="account")),
        {},
        ["grant 'g' in realm 'r': target 'account' is a client"],
    ),
    (
        "token-exchange-permissions-have-a-policy",
        stack(resource("TokenExchangePermission", client_id="api", policies=[])),
        {},
        ["token-exchange permission of client 'api' in realm 'r': has no policy; give it one."],
    ),
    (
        "token-exchange-permissions-have-a-policy",
        stack(resource("ScopePermission", name="p", scopes=["token-exchange"])),
        {},
        ["scope permission 'p' in realm 'r': has the scope token-exchange and no policy; give it one."],
    ),
    (
        "client-policies-are-positive",
        stack(resource("ClientPolicy", name="all-but-web", logic="NEGATIVE")),
        {},
        ["client policy 'all-but-web' in realm 'r': is NEGATIVE; name those to let through, with logic POSITIVE."],
    ),
    *(
        (
            "client-policies-are-positive",
            stack(resource(kind, name="n", logic="NEGATIVE")),
            {},
            [f"{called} 'n' in realm 'r': is NEGATIVE; name {what} to let through, with logic POSITIVE."],
        )
        for kind, called, what in [
            ("AggregatePolicy", "aggregate policy", "those"),
            ("ClientScopePolicy", "client-scope policy", "those"),
            ("GroupPolicy", "group policy", "those"),
            ("RegexPolicy", "regex policy", "those"),
            ("RolePolicy", "role policy", "those"),
            ("ScopePermission", "scope permission", "those"),
            ("ScriptPolicy", "script policy", "those"),
            ("TimePolicy", "time policy", "when"),
            ("UserPolicy", "user policy", "those"),
        ]
    ),
    *(
        (
            "production-logs-in-without-a-password",
            stack(name=name, login=PASSWORD),
            settings,
            [f"stack '{name}': logs in with an administrator's password; set clientId and privateKey"],
        )
        for name, settings in [
            *((name, {}) for name in ("prod", "production", "live", "PRODUCTION", "prod-eu", "eu.prod", "EU_PROD_2")),
            *((name, {}) for name in ("euProd", "prodEU", "Live-1", "prod2", "shop.non-eu.prod")),
            *((name, {"stacks": ["live-*", "blue"]}) for name in ("live-eu", "LIVE-EU", "eu-blue", "Blue")),
        ]
    ),
    (
        "production-connects-safely",
        replace(stack(name="prod"), unsafe=("insecureTls", "insecureHttp")),
        {},
        [
            "stack 'prod': insecureTls is true, so any server may pose as Keycloak; set caCertificate instead.",
            "stack 'prod': insecureHttp is true, or url is http:// to another machine, so the login is sent in clear; set url",
        ],
    ),
    *(
        (
            "production-leaves-nothing-open",
            stack(resource(kind, client_id="web", name="api", on_remove="keep"), name="prod"),
            {},
            [
                f"{called} in realm 'r': has onRemove: keep, so when its resource is removed it stays on the server without"
            ],
        )
        for kind, called in [
            ("AudienceMapper", "audience mapper of client 'web'"),
            ("AudienceScope", "client scope 'api'"),
            ("ClientScopeAssignment", "client scope of client 'web'"),
            ("StandardTokenExchange", "standard token exchange of client 'web'"),
        ]
    ),
    (
        "production-grants-are-to-be-reviewed",
        stack(grant(), grant("h", review_by="2026-06-01"), name="prod"),
        {},
        ["grant 'g' in realm 'r': has no reviewBy; set the day by which a person reviews it."],
    ),
    (
        "production-grants-have-a-reason",
        stack(grant(), grant("h", reason="the shop bills its customers"), name="prod"),
        {},
        ["grant 'g' in realm 'r': has no reason; write in a sentence what it is for."],
    ),
    (
        "reviews-are-not-overdue",
        stack(grant(review_by="2026-05-31"), grant("h", review_by="next year"), name="prod"),
        {},
        [
            "grant 'g' in realm 'r': was to be reviewed by 2026-05-31; check whether it is still needed",
            "grant 'h' in realm 'r': reviewBy is 'next year'; give a day such as 2027-06-30.",
        ],
    ),
]

PASSED: list[tuple[str, Stack, dict[str, Any]]] = [
    (
        "tokens-name-no-actor",
        stack(
            *(
                resource("HardcodedClaimMapper", client_id="web", name="m", claim_name=name)
                for name in ("action", "x.act", "")
            ),
            resource("HardcodedClaimMapper", client_id="web", name="m", claim_name="act\\.sub"),
        ),
        {},
    ),
    ("requesters-are-confidential", stack(requester(public=False)), {}),
    ("requesters-are-confidential", stack(requester()), {}),  # not known
    ("requesters-have-no-full-scope", stack(requester(full_scope=False)), {}),
    (
        "requesters-have-no-full-scope",
        stack(requester(full_scope=True), resource("FullScopeOff", client_id="web")),
        {},
    ),
    (
        "exchanges-give-no-refresh-token",
        stack(resource("StandardTokenExchange", client_id="web", allow_refresh=False)),
        {},
    ),
    ("exchanges-give-no-refresh-token", stack(grant(**ASKS), resource("RefreshTokensOff", client_id="web")), {}),
    ("exchanges-give-no-refresh-token", stack(grant(requesters=(Requester("web"),))), {}),
    ("exchanged-tokens-are-short-lived", stack(resource("TokenLifespan", client_id="web", seconds=300)), {}),
    ("exchanged-tokens-are-short-lived", stack(resource("TokenLifespan", client_id="web", seconds=None)), {}),
    ("exchanged-tokens-are-short-lived", stack(resource("TokenLifespan", seconds=900)), {"seconds": 900}),
    ("standard-exchange-where-it-would-do", stack(grant(**LEGACY)), {}),
    ("standard-exchange-where-it-would-do", stack(grant(standard_offered=True)), {}),
    ("standard-exchange-where-it-would-do", stack(grant(**LEGACY, standard_offered=True, time_window=True)), {}),
    ("legacy-requesters-are-guarded", stack(grant(asking=("web",))), {}),
    ("legacy-requesters-are-guarded", stack(grant(**LEGACY, requesters=(Requester("api"),))), {}),
    ("legacy-requesters-are-guarded", stack(grant(**ASKS, required_roles=True)), {}),
    (
        "legacy-requesters-are-guarded",
        stack(grant(**ASKS), resource("ExchangeGuards", sources={"web": ["web"]})),
        {},
    ),
    ("targets-have-few-sources", stack(grant(sources=("a", "b", "c", "d", "e")), grant("h", ("e", "a"))), {}),
    ("targets-have-few-sources", stack(grant(sources=("a", "b", "c")), grant("h", ("d", "e", "f"), realm="o")), {}),
    ("grants-form-no-chain", stack(*chain("a", "b"), *chain("a", "c"), *chain("x", "c")), {}),
    ("grants-form-no-chain", stack(*chain("a", "b", "a")), {}),  # a circle, which has a rule of its own
    ("grants-form-no-chain", stack(grant(), grant("h", ("api",), "billing", realm="other")), {}),
    ("grants-form-no-cycle", stack(*chain("a", "b", "c"), *chain("a", "c")), {}),
    ("grants-form-no-cycle", stack(grant(), grant("h", ("api",), "web", realm="other")), {}),
    ("targets-are-no-built-in-clients", stack(grant(target="accounts"), grant(target="shop-realm")), {}),
    (
        "targets-are-no-built-in-clients",
        stack(
            resource("AudienceMapper", client_id="account", included_client="api"),
            resource("AudienceMapper", client_id="web", custom_audience=None, included_client=None),
            resource("AudienceScope", name="account", included_client="api", client_roles={"api": ["r"]}),
            resource("ClientPolicy", resource_server="realm-management", clients=["web"]),
            resource("ScopePermission", resource_server="realm-management", scopes=["view"]),
            resource("StandardTokenExchange", client_id="r-realm"),
        ),
        {},
    ),
    (
        "token-exchange-permissions-have-a-policy",
        stack(
            resource("TokenExchangePermission", client_id="api", policies=["id"]),
            resource("TokenExchangePermission", client_id="new", policies=[None]),
            resource("TokenExchangePermission", client_id="later", policies=None),
            resource("ScopePermission", scopes=["token-exchange"], policies=["id"]),
            resource("ScopePermission", scopes=["token-exchange"], policies=None),
            resource("ScopePermission", scopes=["read"], policies=[]),
        ),
        {},
    ),
    (
        "client-policies-are-positive",
        stack(resource("ClientPolicy", logic="POSITIVE"), resource("TimePolicy", logic="POSITIVE")),
        {},
    ),
    ("production-logs-in-without-a-password", stack(name="prod", login="client"), {}),
    ("production-logs-in-without-a-password", stack(name="prod", login=""), {}),  # not known
    *(
        ("production-logs-in-without-a-password", stack(name=name, login=PASSWORD), {})
        for name in ("preprod", "pre-prod", "NON_PROD", "nonProd", "dev", "product", "delivery", "olive")
    ),
    ("production-logs-in-without-a-password", stack(name="prod", login=PASSWORD), {"stacks": []}),
    ("production-connects-safely", stack(name="prod"), {}),
    ("production-connects-safely", replace(stack(name="dev"), unsafe=("insecureTls", "insecureHttp")), {}),
    ("production-leaves-nothing-open", stack(resource("StandardTokenExchange", on_remove="keep"), name="dev"), {}),
    ("production-leaves-nothing-open", stack(resource("StandardTokenExchange", on_remove="revoke"), name="prod"), {}),
    ("production-leaves-nothing-open", stack(resource("StandardTokenExchange"), name="prod"), {}),
    ("production-leaves-nothing-open", stack(resource("FullScopeOff", on_remove="keep"), name="prod"), {}),
    ("production-grants-are-to-be-reviewed", stack(grant()), {}),
    ("production-grants-are-to-be-reviewed", stack(grant(review_by="2020-01-01"), name="prod"), {}),
    ("production-grants-have-a-reason", stack(grant()), {}),
    ("production-grants-have-a-reason", stack(grant(reason="billing"), name="prod"), {}),
    ("reviews-are-not-overdue", stack(grant(review_by="2026-06-01"), grant("h"), name="prod"), {}),
    ("reviews-are-not-overdue", stack(grant(review_by="2020-01-01")), {}),
]


@pytest.mark.parametrize(("name", "judged", "settings", "words"), REFUSED)
def test_a_rule_refuses(name: str, judged: Stack, settings: dict[str, Any], words: list[str]) -> None:
    found = [finding.text for finding in named(name).findings(judged, settings)]
    assert len(found) == len(words)
    for text, start in zip(found, words, strict=True):
        assert text.startswith(start)
        assert re.fullmatch(r"[^;]+; [^;]+\.", text)


@pytest.mark.parametrize(("name", "judged", "settings"), PASSED)
def test_a_rule_lets_pass(name: str, judged: Stack, settings: dict[str, Any]) -> None:
    assert named(name).findings(judged, settings) == []


HOSTILE = "'\"\n\x1b\u202e"
HARMLESS = "\\'\"\\n\\x1b\\u202e"


def with_hostile_names(value: Any) -> Any:
    """The same, and each name in it holds what ends a quotation or a line, and what terminals obey."""
    if isinstance(value, str):
        return f"{value}{HOSTILE}" if len(value) == 1 or value in ("api", "web", "shop", "again") else value
    if isinstance(value, tuple | list):
        return type(value)(with_hostile_names(each) for each in value)
    if isinstance(value, dict):
        return {with_hostile_names(key): with_hostile_names(each) for key, each in value.items()}
    if isinstance(value, Stack):
        changed = replace(value, grants=with_hostile_names(value.grants), resources=with_hostile_names(value.resources))
        return replace(changed, name=f"{value.name}{HOSTILE}")
    if isinstance(value, Grant | Requester | Resource):
        told = {field.name: with_hostile_names(getattr(value, field.name)) for field in fields(value)}
        return replace(value, **{**told, **({"urn": value.urn} if not isinstance(value, Requester) else {})})
    return value


@pytest.mark.parametrize(("name", "judged", "settings", "words"), REFUSED)
def test_no_name_poses_as_something_else(name: str, judged: Stack, settings: dict[str, Any], words: list[str]) -> None:
    found = [finding.text for finding in named(name).findings(with_hostile_names(judged), settings)]
    assert len(found) == len(words)
    for text in found:
        assert text.isprintable() and HARMLESS in text, text
        assert not re.search(r"(?<!\\)'\"|\\u001b", text), f"a name is not quoted: {text}"


def test_a_text_that_a_rule_forgot_is_made_harmless() -> None:
    forgetful = replace(RULES[0], check=lambda _: iter([Violation(f"its name is {HOSTILE}", "its urn")]))
    reported: list[str] = []
    args = pulumi_policy.StackValidationArgs([], {})
    as_policy(forgetful).validate(args, lambda text, urn=None: reported.append(text))
    assert reported == ["its name is '\"\\n\\u001b\\u202e"]


def test_each_rule_is_tried_both_ways() -> None:
    names = {rule.name for rule in RULES}
    assert {name for name, *_ in REFUSED} == names == {name for name, *_ in PASSED}


def test_one_rule_a_file_named_as_the_rule() -> None:
    folder = Path(policy.rules.__file__).parent
    assert sorted(file.stem.replace("_", "-") for file in folder.glob("[!_]*.py")) == sorted(
        rule.name for rule in RULES
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.name))
def test_a_rule_says_where_it_is_from_and_is_documented(rule: Rule) -> None:
    assert rule.severity in (ADVISORY, MANDATORY)
    assert re.match(r"https://www\.(keycloak\.org|rfc-editor\.org/rfc)/.+#", rule.reference)
    (row,) = re.findall(rf"^\| `{rule.name}` .*$", (PROJECT / "docs/policy.md").read_text(), re.MULTILINE)
    assert f"| {rule.severity} |" in row
    assert rule.reference in row
    for name, limit in rule.limits.items():
        assert f"`{name}`" in row
        assert limit.meaning


def test_findings_point_at_their_grant() -> None:
    (found,) = named("production-grants-are-to-be-reviewed").findings(stack(grant(urn="its urn"), name="prod"))
    assert found.resource == "its urn"


# What the program tells, and what the pack reads of it


def read(exchange_facts: Any, **changes: Any) -> Grant:
    """A grant as planned, told in its component's outputs, and read again."""
    planned = one(test_wiring.grant(**changes), exchange_facts)
    told = Resource(GRANT, f"urn:pulumi:prod::p::{GRANT}::g", {**describe(planned), **policy_facts(planned)})
    (found,) = read_stack(TODAY, [told], {}).grants
    return found


def test_a_standard_grant_is_told_and_read() -> None:
    known = test_wiring.facts(frontend={"public": False, "full_scope": False})
    flows = ("recipient", "requester")
    found = read(known, flows=flows, review_by="2027-01-01", reason="billing", required_roles=())
    assert (found.name, found.realm, found.sources, found.target) == ("g", "r", ("frontend",), "api")
    assert (found.exchange, found.standard_offered) == ("standard", False)
    assert (found.review_by, found.reason) == ("2027-01-01", "billing")
    assert found.requesters == (Requester("api", False, True), Requester("frontend", False, False))
    assert found.asking == ("frontend",)
    assert (found.time_window, found.required_roles) == (False, False)
    assert found.urn.endswith("::g")


@pytest.mark.parametrize(("features", "offered"), [(test_wiring.BOTH, True), (test_wiring.LEGACY, False)])
def test_a_legacy_grant_is_told_and_read(features: Any, offered: bool) -> None:
    found = read(test_wiring.facts(features), exchange="legacy", flows=("requester",), time_window={"start": "08:00"})
    assert (found.exchange, found.standard_offered, found.time_window) == ("legacy", offered, True)
    assert found.asking == ("frontend",)


def test_full_scope_that_the_grant_switches_off_counts_as_off() -> None:
    found = read(None, exact_audience=True, restrict_full_scope=True, exchange="legacy")
    assert found.requesters == (Requester("api", False, False),)


@pytest.mark.parametrize(
    ("config", "environ", "login"),
    [
        ({}, {ASSERTION_COMMAND: "token"}, "client"),
        ({}, {ASSERTION_FILE: "/var/run/token"}, "client"),
        ({}, {ASSERTION_COMMAND: " "}, PASSWORD),
        ({}, {ASSERTION_COMMAND: "token", ADMIN_PASSWORD: "pw-admin"}, PASSWORD),
        ({"p:adminPassword": "pw-admin"}, {ASSERTION_COMMAND: "token"}, PASSWORD),
        ({"p:clientId": "robot", "p:adminPassword": "pw-admin"}, {}, "client"),
    ],
)
def test_the_login_is_the_one_that_the_connection_takes(
    config: dict[str, str], environ: dict[str, str], login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Resource(PROVIDER, f"urn:pulumi:prod::p::{PROVIDER}::default", config)
    assert read_stack(TODAY, [provider], environ).login == login
    monkeypatch.setattr("os.path.isfile", lambda path: True)
    if "p:clientId" not in config:
        given = {key.removeprefix("p:"): value for key, value in config.items()}
        password = {} if environ.keys() & {ADMIN_PASSWORD} or given else {"adminPassword": "pw-admin"}
        needed = {} if login == "client" else password
        taken = read_connection({"url": "https://kc.example", **given, **needed}.get, environ).login
        assert isinstance(taken, AssertionLogin) == (login == "client")


@pytest.mark.parametrize(
    ("config", "login"), [({"p:clientId": "robot"}, "client"), ({"p:clientId": ""}, PASSWORD), ({}, PASSWORD)]
)
def test_a_stack_is_read_from_its_resources_alone(config: dict[str, str], login: str) -> None:
    provider = Resource(
        PROVIDER, f"urn:pulumi:prod::p::{PROVIDER}::default", {**config, "p:adminPassword": "not to be shown"}
    )
    switch = Resource(f"{OBJECT}StandardTokenExchange", "urn:pulumi:prod::p::…", {})
    found = read_stack(TODAY, [switch, provider], {})
    assert (found.name, found.login, found.resources) == ("prod", login, (switch,))
    assert "not to be shown" not in repr((found, provider))
    assert read_stack(TODAY, [switch], {}).login == ""


@pytest.mark.parametrize(
    ("config", "unsafe"),
    [
        ({}, ()),
        ({"insecureTls": "false", "insecureHttp": "false", "url": "https://keycloak"}, ()),
        ({"insecureTls": True}, ("insecureTls",)),
        ({"insecureTls": "True", "insecureHttp": "true"}, ("insecureTls", "insecureHttp")),
        ({"url": "HTTP://keycloak"}, ("insecureHttp",)),
        ({"url": "http://localhost.example.com"}, ("insecureHttp",)),
        ({"url": "http://127.0.0.1.example.com:80/"}, ("insecureHttp",)),
        ({"url": "http://Localhost:8080"}, ()),
        ({"url": "http://127.1.2.3:8080/auth"}, ()),
        ({"url": "http://[::1]"}, ()),
    ],
)
def test_what_leaves_a_connection_open_is_read_from_the_config(config: dict[str, Any], unsafe: tuple[str, ...]) -> None:
    given = {f"p:{key}": value for key, value in config.items()}
    provider = Resource(PROVIDER, f"urn:pulumi:prod::p::{PROVIDER}::default", given)
    assert read_stack(TODAY, [provider], {}).unsafe == unsafe


@pytest.mark.parametrize(
    ("environ", "unsafe"),
    [
        ({"KEYCLOAK_URL": "https://keycloak"}, ()),
        ({"KEYCLOAK_URL": "http://keycloak"}, ("insecureHttp",)),
        ({"KEYCLOAK_URL": "http://127.0.0.1:8080"}, ()),
        ({"KEYCLOAK_INSECURE_HTTP": " True"}, ("insecureHttp",)),
    ],
)
def test_what_leaves_a_connection_open_is_read_from_the_environment(
    environ: dict[str, str], unsafe: tuple[str, ...]
) -> None:
    provider = Resource(PROVIDER, f"urn:pulumi:prod::p::{PROVIDER}::default", {})
    assert read_stack(TODAY, [provider], environ).unsafe == unsafe


@pytest.mark.parametrize(
    ("given", "environ", "login", "unsafe"),
    [
        ({"clientId": "robot"}, {}, "client", ()),
        ({"clientId": "robot", "insecureTls": "true"}, {}, "client", ("insecureTls",)),
        ({"clientId": "robot", "insecureHttp": True}, {}, "client", ("insecureHttp",)),
        ({"clientId": "robot", "url": "http://eu"}, {}, "client", ("insecureHttp",)),
        ({"clientId": "robot"}, {"EU_WEST_KEYCLOAK_INSECURE_HTTP": "true"}, "client", ("insecureHttp",)),
        ({"adminUsername": "root"}, {}, PASSWORD, ()),
        ({}, {"EU_WEST_KEYCLOAK_CLIENT_ASSERTION_FILE": "/token"}, "client", ()),
        ({}, {"EU_WEST_KEYCLOAK_CLIENT_ASSERTION_FILE": "/token", "EU_WEST_KEYCLOAK_ADMIN_PASS": "a"}, PASSWORD, ()),
    ],
)
def test_each_connection_of_a_resource_counts_as_that_of_the_stack(
    given: dict[str, Any], environ: dict[str, str], login: str, unsafe: tuple[str, ...]
) -> None:
    known = [
        Resource(PROVIDER, f"urn:pulumi:prod::p::{PROVIDER}::default", {"p:clientId": "a", "p:url": "https://kc"}),
        resource("StandardTokenExchange", connection={"name": "eu-west", "url": "https://eu", **given}),
        resource("AudienceMapper", connection=None),
    ]
    found = read_stack(TODAY, known, environ)
    assert (found.login, found.unsafe) == (login, unsafe)


def test_each_provider_of_a_program_counts() -> None:
    kind = "pulumi:providers:keycloak-token-exchange"
    known = [
        Resource(kind, f"urn:pulumi:prod::p::{kind}::default", {"clientId": "robot", "url": "https://kc"}),
        Resource(kind, f"urn:pulumi:prod::p::{kind}::eu", {"adminUsername": "root", "url": "http://eu"}),
    ]
    found = read_stack(TODAY, known, {})
    assert (found.login, found.unsafe) == (PASSWORD, ("insecureHttp",))
    known[1] = replace(known[1], properties={"url": "https://eu"})
    own = {"EU_KEYCLOAK_CLIENT_ASSERTION_FILE": "/token", "EU_KEYCLOAK_INSECURE_HTTP": "true"}
    found = read_stack(TODAY, known, {"KEYCLOAK_ADMIN_PASS": "of the stack", **own})
    assert (found.login, found.unsafe) == ("client", ("insecureHttp",))


def test_what_a_preview_cannot_know_is_none() -> None:
    given = unknown_checking_proxy(
        {"policies": [UNKNOWN_STRING_VALUE, "id"], "id": UNKNOWN_STRING_VALUE, "seconds": 60.0, "deep": {"on": True}}
    )
    assert plain(given) == {"policies": [None, "id"], "id": None, "seconds": 60, "deep": {"on": True}}


def test_a_violation_names_the_resource_and_obeys_the_settings() -> None:
    reported: list[tuple[str, str | None]] = []
    lifespan = resource("TokenLifespan", client_id="web", seconds=90.0)
    given: Any = pulumi_policy.PolicyResource(
        lifespan.kind,
        unknown_checking_proxy(dict(lifespan.properties)),
        lifespan.urn,
        "n",
        None,
        None,
        None,
        [],
        {},  # type: ignore[arg-type]
    )
    checked = as_policy(named("exchanged-tokens-are-short-lived"))
    for settings in ({"seconds": 60.0}, {"seconds": 90.0}, {}):
        checked.validate(
            pulumi_policy.StackValidationArgs([given], settings), lambda text, urn=None: reported.append((text, urn))
        )
    assert reported == [
        (
            "client 'web' in realm 'r': its access tokens live 90 seconds; set tokenLifespan to 60 at most.",
            urn("TokenLifespan"),
        )
    ]


def test_a_stack_of_the_package_is_read_as_one_of_dynamic_resources() -> None:
    given = {"url": "http://keycloak.example.com", "clientId": "robot", "insecureHttp": "true"}
    kind = "pulumi:providers:keycloak-token-exchange"
    provider = Resource(kind, f"urn:pulumi:prod::shop::{kind}::default", given)
    name = "keycloak-token-exchange:index:StandardTokenExchange"
    switch = Resource(name, f"urn:pulumi:prod::shop::{name}::s", {"realm": "r", "clientId": "c", "allowRefresh": True})
    found = read_stack(TODAY, [switch, provider], {})
    assert (found.login, found.unsafe) == ("client", ("insecureHttp",))
    (seen,) = found.of("StandardTokenExchange")
    assert seen.properties == {"realm": "r", "client_id": "c", "allow_refresh": True}
    assert found.clients_of("StandardTokenExchange") == {("r", "c")}
