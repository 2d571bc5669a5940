"""How far grants are, which of them are switched together, what a migration waits for and what blocks it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from exchange.migrate.plan import MARGIN_SECONDS, Planned, plan_migration, wait_for
from exchange.migrate.progress import Call, Moving, StackObject, Stage, groups, movings, stage_of
from exchange.stack.stack import StackOutputs, StackProblem
from kcadmin.marks.ownership import hash16
from kcadmin.objects.clients import Client
from kcadmin.objects.features import Features
from reach.survey import Permission, Survey
from tests.unit.test_migration_watch import moving

OWNER = "org/project/stack"
LIVES = {("r", "web"): 300}
ALL = Features(True, True, True)


@pytest.mark.parametrize(
    ("declared", "deployed", "stage", "waiting"),
    [
        ({}, ("legacy", None), Stage.LEGACY, False),
        ({"exchange": "legacy"}, ("legacy", None), Stage.LEGACY, False),
        ({}, ("standard", None), Stage.STANDARD, False),
        ({"exchange": "standard"}, ("standard", None), Stage.STANDARD, False),
        ({"exchange": "standard"}, ("legacy", None), Stage.LEGACY, True),  # `up` would move it at once
        ({"migration": "mappers"}, ("legacy", None), Stage.MAPPERS, False),  # killed before or in its `up`
        ({"migration": "mappers"}, ("standard", "both"), Stage.MAPPERS, False),
        ({"migration": "both"}, ("legacy", "mappers"), Stage.BOTH, False),
        ({"exchange": "standard", "migration": "both"}, ("standard", "both"), Stage.ENDING, False),
        ({"exchange": "standard"}, ("standard", "both"), Stage.ENDING, False),
        ({}, ("standard", "both"), Stage.STANDARD, True),  # taken out by hand
    ],
    ids=str,
)
def test_how_far_a_grant_is(
    declared: dict[str, Any], deployed: tuple[str, str | None], stage: Stage, waiting: bool
) -> None:
    exchange, migration = deployed
    output = {"exchange": exchange, **({"migration": migration} if migration else {})}
    assert stage_of(declared, "auto", output) == (stage, waiting)


def test_the_stacks_own_exchange_counts_for_its_grants() -> None:
    assert stage_of({}, "standard", {"exchange": "standard", "migration": "both"}) == (Stage.ENDING, False)
    assert stage_of({}, "legacy", {"exchange": "legacy"}) == (Stage.LEGACY, False)


def output(**changes: Any) -> dict[str, Any]:
    flows = [
        {"flow": "recipient", "requester": "api", "audience": None},
        {"flow": "requester", "requester": "web", "audience": "api"},
    ]
    return {"realm": "r", "sources": ["web"], "target": "api", "exchange": "legacy", "flows": flows, **changes}


def test_grants_are_read_from_outputs_and_config() -> None:
    three = output(flows=[{"flow": "requester", "requester": "orders", "audience": "api"}])
    stack = StackOutputs({"g": output(), "own": three}, "", "r", {"grants": json.dumps([{"name": "x"}, {"name": "g"}])})
    g, own = movings(stack)
    assert g.calls == (Call("recipient", "web", "api"), Call("requester", "web", "web"))
    assert g.listed and not own.listed
    assert own.calls == (Call("third", "web", "orders"),) and own.asks("orders") and not g.asks("api")
    with pytest.raises(StackProblem, match="is not a list of grants"):
        movings(StackOutputs({}, "", "r", {"grants": "{"}))


def test_grants_that_share_a_requester_are_switched_together() -> None:
    a, b = moving("a", Call("requester", "web", "web")), moving("b", Call("recipient", "web", "api"))
    c = moving("c", Call("third", "app", "orders"))
    joins = moving("joins", Call("requester", "web", "web"), Call("third", "web", "orders"))
    assert [[each.name for each in group] for group in groups([a, b, c, joins])] == [["b"], ["a", "c", "joins"]]


def mapper(client: str, audience: str, made: float, found: str = "created") -> StackObject:
    props = {"realm": "r", "client_id": client, "included_client": audience, "found": found, "owner": OWNER}
    return StackObject("AudienceMapper", f"r/{client}/audience-{audience}", made, False, props)


THREE = moving("three", Call("third", "web", "orders"), target="billing")
ASKS = moving("asks", Call("requester", "web", "web"))
RECIPIENT = moving("recipient", Call("recipient", "web", "api"))


@pytest.mark.parametrize(
    ("grant", "parts", "seconds"),
    [
        (ASKS, [], 0),  # standard makes its token anew
        (THREE, [], 300 + MARGIN_SECONDS),
        (THREE, [mapper("web", "orders", 900)], 200 + MARGIN_SECONDS),
        (THREE, [mapper("web", "orders", 500)], 0),
        (THREE, [mapper("web", "orders", 999, found="used")], 0),
        (RECIPIENT, [mapper("web", "api", 900)], 200 + MARGIN_SECONDS),
        (RECIPIENT, [mapper("web", "api", 1)], 0),
    ],
)
def test_how_long_to_wait(grant: Moving, parts: list[StackObject], seconds: float) -> None:
    assert wait_for(grant, parts, LIVES, None, now=1000.0) == seconds


def test_a_lifetime_that_nobody_can_read() -> None:
    assert wait_for(THREE, [], {("r", "web"): None}, None, now=0) is None
    assert wait_for(ASKS, [], {("r", "web"): None}, None, now=0) == 0


# What blocks


def client(name: str, mappers: tuple[dict[str, Any], ...] = (), **fields: Any) -> Client:
    return Client(f"uuid-{name}", name, {"defaultClientScopes": ["profile"], **fields}, mappers)


def names(audience: str, **config: str) -> dict[str, Any]:
    entries = {"included.client.audience": audience, "access.token.claim": "true", **config}
    return {"id": audience, "name": audience, "protocolMapper": "oidc-audience-mapper", "config": entries}


def policy(name: str, kind: str = "client", mark: str = "", **config: Any) -> dict[str, Any]:
    texts = {key: json.dumps(value) for key, value in config.items()}
    return {"name": name, "type": kind, "logic": "POSITIVE", "config": texts, "description": mark}


def planned(
    grant: Moving,
    *clients: Client,
    features: Features = ALL,
    policies: tuple[dict[str, Any], ...] = (),
    permissions: dict[str, tuple[str, ...]] | None = None,
    profiles: tuple[dict[str, Any], ...] = (),
    client_policies: tuple[dict[str, Any], ...] | None = (),
    also: Sequence[StackObject] = (),
    **config: str,
) -> Planned:
    known = {each: client(each) for each in ("web", "app", "api", "orders", "billing")}
    known |= {each.client_id: each for each in clients}
    held = {target: Permission(target, "AFFIRMATIVE", each) for target, each in (permissions or {}).items()}
    by_name = {each["name"]: each for each in policies}
    survey = Survey("r", features, known, {}, by_name, held, client_policies, profiles)
    parts = [mapper("web", "orders", 1), mapper("web", "api", 1), *also]
    (found,) = plan_migration([grant], {"r": survey}, parts, LIVES, config)
    return found


def legacy(grant: Moving, **changes: Any) -> Moving:
    given = {**grant.__dict__, "stage": Stage.LEGACY, **changes}
    return Moving(**given)


@pytest.mark.parametrize("setting", ["dpop.bound.access.tokens", "tls.client.certificate.bound.access.tokens"])
def test_a_bound_source_blocks_where_another_client_asks(setting: str) -> None:
    for grant, blocked in ((THREE, True), (RECIPIENT, True), (ASKS, False)):
        bound = client(grant.sources[0], attributes={setting: "true"})
        found = [block for block in planned(legacy(grant), bound).blocks if "bound to its caller's key" in block]
        assert bool(found) == blocked, (grant.name, found)


@pytest.mark.parametrize("grant", [THREE, ASKS, RECIPIENT], ids=lambda each: each.name)
def test_nothing_blocks(grant: Moving) -> None:
    assert planned(legacy(grant)).blocks == () and planned(legacy(grant)).notes == ()


def test_a_grant_of_the_package_has_no_phases() -> None:
    check = StackObject("GrantCheck", "three/check", 1, False, {"realm": "r", "grant": "three"})
    (block,) = planned(legacy(THREE, listed=False), also=[check]).blocks
    assert "those of every grant of the package, so it has no phases; set exchange: standard in its program" in block
    assert "is listed neither" in planned(legacy(ASKS, listed=False), also=[check]).blocks[0]


SWITCH = {"attributes": {"standard.token.exchange.enabled": "true"}}
ENFORCED = (
    {"name": "narrow", "executors": [{"executor": "downscope-assertion-grant-enforcer"}]},
    {"name": "unused", "executors": [{"executor": "downscope-assertion-grant-enforcer"}]},
)
REJECTS = ({"name": "reject", "executors": [{"executor": "reject-request"}]},)
WITH_SWITCH = '[{"key": "standard.token.exchange.enabled", "value": "true"}]'
OURS = f"[pulumi:{hash16(OWNER)}]"


def acting(profile: str, condition: str = "any-client", **configuration: Any) -> tuple[dict[str, Any], ...]:
    """An enabled client policy of one condition."""
    conditions = [{"condition": condition, "configuration": configuration}]
    return ({"name": "p", "enabled": True, "conditions": conditions, "profiles": [profile]},)


@pytest.mark.parametrize(
    ("changes", "given", "words"),
    [
        ({}, {"features": Features(False, True, True)}, "the server has no standard exchange"),
        ({"listed": False}, {}, "is listed neither in the stack's config"),
        ({"waiting": True}, {}, "run `pulumi up` first"),
        ({"declared": {"timeWindow": {"start": "9:00", "end": "17:00"}}}, {}, "sets timeWindow"),
        ({"declared": {"manageSwitch": False}}, {}, "manageSwitch is false"),
        ({"declared": {"protect": True}}, {}, "protect is true"),
        ({}, {"protect": "true"}, "protect is true"),
        ({"declared": {"audience": "optionalScope"}}, {}, "'web' would have to send the scope"),
        (
            {"declared": {"requiredRoles": [{"client": "app", "role": "x"}]}},
            {},
            "required role 'app/x' is of another client",
        ),
        ({}, {"clients": [client("web", publicClient=True)]}, "requester 'web' is a public client"),
        ({}, {"clients": [client("web", consentRequired=True)]}, "requester 'web' requires consent"),
        ({}, {"clients": [client("web", **SWITCH)]}, "the standard exchange of 'web' is on already"),
        (
            {},
            {"profiles": ENFORCED, "client_policies": acting("narrow")},
            "client policy 'p' (profile 'narrow', downscope-assertion-grant-enforcer) drops the audience mappers of 'web'",
        ),
        (
            {},
            {
                "profiles": REJECTS,
                "client_policies": acting("reject", "client-attributes", attributes=WITH_SWITCH),
                "features": replace(ALL, version=(26, 7)),
            },
            "client policy 'p' (profile 'reject', reject-request) may refuse exchanges of 'web' once its switch is on",
        ),
        (
            {},
            {"permissions": {"billing": ("theirs",)}, "policies": (policy("theirs", clients=["web"]),)},
            "policy 'theirs' lets 'web' exchange for 'billing' too, which the switch would end",
        ),
        (
            {},
            {
                "permissions": {"billing": ("all",)},
                "policies": (policy("all", "aggregate", applyPolicies=["theirs"]), policy("theirs", clients=["web"])),
            },
            "policy 'all' lets 'web' exchange for 'billing' too",
        ),
        (
            {},
            {"clients": [client("app", (names("web", **{"pulumi.owner": "o/p/other", "pulumi.exchange": "legacy"}),))]},
            "stack 'o/p/other' has a legacy grant by which 'web' exchanges tokens of 'app'",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_blocks(changes: dict[str, Any], given: dict[str, Any], words: str) -> None:
    rest = {key: value for key, value in given.items() if key != "clients"}
    (found,) = planned(legacy(ASKS, **changes), *given.get("clients", ()), **rest).blocks
    assert words in found and "; " in found


@pytest.mark.parametrize(
    "given",
    [
        {"permissions": {"api": ("p",)}, "policies": (policy("p", clients=["web"]),)},  # declared by the grant itself
        {"permissions": {"billing": ("p",)}, "policies": (policy("p", clients=["app"]),)},
        {"permissions": {"billing": ("p",)}, "policies": (policy("p", mark=OURS, clients=["web"]),)},
        {"profiles": ENFORCED, "client_policies": ({"name": "p", "enabled": False, "profiles": ["narrow"]},)},
        {
            "profiles": ENFORCED,
            "client_policies": acting("narrow"),
            "guards": '["noWiderScopes"]',
        },
        {"profiles": ENFORCED, "client_policies": acting("narrow", "client-type", protocol="saml")},
        {"profiles": ENFORCED, "client_policies": acting("narrow", "grant-type", grant_types=["password"])},
        {"profiles": REJECTS, "client_policies": acting("reject")},  # legacy is refused, too
    ],
    ids=str,
)
def test_what_does_not_block(given: dict[str, Any]) -> None:
    assert planned(legacy(ASKS), **given).blocks == ()


def test_another_exchange_that_standard_allows_too_does_not_block() -> None:
    given = {"permissions": {"billing": ("theirs",)}, "policies": (policy("theirs", clients=["web"]),)}
    assert planned(legacy(ASKS), client("web", (names("billing"),)), **given).blocks == ()


def test_a_policy_that_names_no_client_is_for_people_to_check() -> None:
    found = planned(legacy(ASKS), permissions={"billing": ("role",)}, policies=(policy("role", "role"),))
    assert found.blocks == () and "policy 'role' on the permission of 'billing' may let 'web'" in found.notes[0]


def test_client_policies_that_are_not_to_be_read_are_said_to_be() -> None:
    (note,) = planned(legacy(ASKS), client_policies=None).notes
    assert "this login may not read them; give it the role view-realm" in note


def test_an_unknown_lifetime_blocks_only_who_waits() -> None:
    survey = Survey(
        "r", Features(True, True, True), {"web": client("web"), "orders": client("orders")}, {}, {}, {}, (), ()
    )
    for grant, blocked in ((legacy(THREE), True), (legacy(ASKS), False)):
        (found,) = plan_migration([grant], {"r": survey}, [], {("r", "web"): None}, {})
        assert any("give --token-lifetime" in each for each in found.blocks) is blocked


# What callers see, what is done, what stays


def test_what_callers_see() -> None:
    api = client("api", attributes={"access.token.lifespan": "60"}, defaultClientScopes=["profile", "phone"])
    found = "\n".join(planned(legacy(ASKS), api).changes)
    assert "aud is 'api' alone" in found and "lifespan is that of 'web' (the realm's) instead of 'api' (60 s)" in found
    assert "(less: phone)" in found and "'web' gets no refresh token" in found
    found = "\n".join(planned(legacy(ASKS, declared={"allowRefresh": True, "tokenLifespan": 60}), api).changes)
    assert "'web' gets a refresh token only where it sends" in found and "lifespan" not in found
    quiet = client("web", attributes={"use.refresh.tokens": "false"})
    assert "refresh" not in "\n".join(planned(legacy(ASKS), quiet).changes)
    found = "\n".join(planned(legacy(RECIPIENT, declared={"exactAudience": True}), api).changes)
    assert "only where 'api' sends audience=api" in found and "lifespan" not in found


def test_the_steps_of_each_stage() -> None:
    steps = planned(legacy(THREE)).steps
    assert [each.split(":")[0] for each in steps] == ["mappers", "switch", "watch", "end"]
    assert "tokens of 'orders' get 'billing' in aud" in steps[0] and "'web' get 'orders' in aud" not in steps[0]
    assert [each.split(":")[0] for each in planned(legacy(THREE, stage=Stage.BOTH)).steps] == ["watch", "end"]
    assert [each.split(":")[0] for each in planned(legacy(THREE, stage=Stage.ENDING)).steps] == ["end"]


def test_what_others_own_stays() -> None:
    used = StackObject(
        "ClientPolicy", "r/api/asks-requesters", 1, False, {"realm": "r", "found": "used", "owner": OWNER}
    )
    survey = Survey(
        "r",
        Features(True, True, True),
        {"web": client("web"), "api": client("api")},
        {},
        {"theirs": policy("theirs", clients=["app"]), "ours": policy("ours", mark=f"x {OURS}", clients=["web"])},
        {"api": Permission("api", "AFFIRMATIVE", ("theirs", "ours"))},
        (),
        (),
    )
    (found,) = plan_migration([legacy(ASKS)], {"r": survey}, [used], LIVES, {})
    assert found.remains == (
        "ClientPolicy r/api/asks-requesters: unchanged",
        "policy 'theirs' on the token-exchange permission of 'api': not this stack's",
    )
