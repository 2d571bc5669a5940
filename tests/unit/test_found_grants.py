"""A realm as grants, without a server: which exchange a server has, whose things are left alone, names, and time windows."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from exchange.inventory.grants import ExistingGrant, Inventory, inventory
from exchange.inventory.remarks import Level
from kcadmin.marks.ownership import hash16, marked
from kcadmin.objects.claims import Claim
from kcadmin.objects.clients import Client
from kcadmin.objects.features import SWITCH_CLAIM, Features
from kcadmin.objects.resource_server import permission_name
from reach.existing_policies import ExistingPolicy, Window, existing_policy, existing_policy_for, window_of
from reach.policy_meanings import grants_nothing, meaning
from reach.roles import RoleFacts
from reach.survey import Permission, Survey
from tests.support import surveys

BOTH, STANDARD, LEGACY, NONE = (
    Features(True, True, True),
    Features(True, False, False),
    Features(False, True, True),
    Features(False, False, False),
)
ON = {"standard.token.exchange.enabled": "true"}
OWNER = "org/project/stack"


def client(name: str, *audiences: str, attributes: Mapping[str, str] | None = None, **fields: Any) -> Client:
    config = {"access.token.claim": "true", "id.token.claim": "false"}
    mappers = tuple(
        {
            "id": f"m-{name}-{audience}",
            "name": f"to {audience}",
            "protocolMapper": "oidc-audience-mapper",
            "config": {**config, "included.client.audience": audience, **fields.get("mapper", {})},
        }
        for audience in audiences
    )
    known = {
        "enabled": True,
        "standardFlowEnabled": True,
        "fullScopeAllowed": True,
        "attributes": dict(attributes or {}),
    }
    return Client(f"uuid-{name}", name, {**known, **{k: v for k, v in fields.items() if k != "mapper"}}, mappers)


def policy(type_: str, name: str, description: str = "", logic: str = "POSITIVE", **config: Any) -> dict[str, Any]:
    strategy = config.pop("strategy", "UNANIMOUS")
    texts = {key: each if isinstance(each, str) else json.dumps(each) for key, each in config.items()}
    return {
        "type": type_,
        "name": name,
        "description": description,
        "logic": logic,
        "decisionStrategy": strategy,
        "config": texts,
    }


def look(
    *clients: Client,
    features: Features = BOTH,
    policies: tuple[dict[str, Any], ...] = (),
    permissions: Mapping[str, tuple[str, tuple[str, ...]]] | None = None,
    scopes: tuple[dict[str, Any], ...] = (),
    facts: RoleFacts | None = None,
) -> Inventory:
    survey = Survey(
        "r",
        features,
        {each.client_id: each for each in clients},
        {each["name"]: each for each in scopes},
        {each["name"]: each for each in policies},
        {target: Permission(target, strategy, names) for target, (strategy, names) in (permissions or {}).items()},
        (),
        (),
    )
    return inventory(survey, facts or RoleFacts(), {})


def said(found: Inventory) -> list[tuple[str, str, str]]:
    """(name, exchange, flows or third) of each grant."""
    return [(each.name, each.exchange, " ".join(each.flows) or f"by {each.requester}") for each in found.grants]


def test_what_client_policies_refuse_is_no_grant() -> None:
    def found(executor: str) -> Inventory:
        held = ({"name": "by: hand", "enabled": True, "conditions": [{"condition": "any-client"}], "profiles": ["p"]},)
        profiles = ({"name": "p", "executors": [{"executor": executor}]},)
        clients = (client("a", "b"), client("b", attributes=ON))
        return inventory(surveys.survey(*clients, client_policies=held, client_profiles=profiles), RoleFacts(), {})

    assert said(found("pkce-enforcer")) and not said(found("reject-request"))
    refused = next(each for each in found("reject-request").findings if each.level is Level.LOST)
    assert (
        "a → b: client policy 'by: hand' (profile 'p', reject-request) refuses each exchange of" in refused.sentence()
    )
    noted = [each.says for each in found("their-own").findings if each.level is Level.NOTE]
    assert "work only if client policy 'by: hand' (profile 'p', their-own) lets it through" in noted


def test_client_policies_that_are_not_to_be_read_are_a_finding() -> None:
    blind = inventory(surveys.survey(surveys.client("a"), client_policies=None), RoleFacts(), {})
    assert blind.lost and "this login may not read them" in blind.findings[0].sentence()


@pytest.mark.parametrize("name", ["b\n::error::fake", "b\u202e", "..", "b\ufffdd800"])
def test_a_name_that_no_grant_takes_is_left_out_and_told(name: str) -> None:
    """One client of such a name would else have all grants of the realm refused."""
    found = look(client("a", "b", name), client("b", attributes=ON), client(name, attributes=ON), features=STANDARD)
    assert said(found) == [("a-to-b", "standard", "recipient")]
    told = next(each for each in found.findings if each.level is Level.LOST)
    assert told.about == f"a → {name}" and "so no grant names it" in told.says


def levels(found: Inventory) -> dict[str, Level]:
    return {each.about: each.level for each in found.findings if each.level not in (Level.ADDED, Level.NOTE)}


@pytest.mark.parametrize(
    ("features", "grants", "level"),
    [
        (BOTH, [("a-to-b", "legacy", "recipient")], None),
        (LEGACY, [("a-to-b", "legacy", "recipient")], None),
        (STANDARD, [], Level.EMPTY),
        (NONE, [], Level.EMPTY),
        (Features(False, True, False), [], Level.LOST),
    ],
    ids=["both", "legacy", "standard", "none", "legacy without permissions"],
)
def test_a_mapper_without_a_switch(features: Features, grants: list[Any], level: Level | None) -> None:
    found = look(client("a", "b"), client("b", "b"), features=features)
    assert said(found) == grants and set(levels(found).values()) == ({level} if level else set())
    assert found.lost is (level == Level.LOST)


@pytest.mark.parametrize("features", [BOTH, STANDARD, LEGACY, NONE], ids=["both", "standard", "legacy", "none"])
def test_a_switch_counts_where_the_server_has_its_exchange(features: Features) -> None:
    found = look(client("a", "b", attributes=ON), client("b"), features=features)
    expected = "standard" if features.standard_exchange else "legacy"
    flow = "requester" if features.standard_exchange else "recipient"
    assert said(found) == ([] if features == NONE else [("a-to-b", expected, flow)])
    assert (levels(found).get("switch of client 'a'") == Level.EMPTY) is not features.standard_exchange


@pytest.mark.parametrize("features", [STANDARD, NONE, Features(True, True, False)])
def test_permissions_of_a_server_without_the_legacy_exchange(features: Features) -> None:
    found = look(
        client("a"),
        client("b"),
        features=features,
        policies=(policy("client", "p", clients=["a"]),),
        permissions={"b": ("UNANIMOUS", ("p",))},
    )
    assert found.grants == () and levels(found) == {"token-exchange permissions of b": Level.EMPTY}


def test_what_stacks_have_made_is_theirs() -> None:
    claim = Claim(OWNER, SWITCH_CLAIM, {}, {"attributes.standard.token.exchange.enabled": None})
    ours = {**ON, claim.key: claim.text()}
    found = look(
        client("a", "b", attributes=ours),
        client("b"),
        client("c", "d", attributes=ON, mapper={"pulumi.owner": OWNER}),
        client("d"),
    )
    belong = {"a → b": Level.STACKS, "c → d": Level.STACKS, f"owner '{OWNER}'": Level.STACKS}
    assert found.grants == () and levels(found) == belong
    assert not found.lost and f"'{OWNER}'" in found.findings[0].says
    assert f"`python -m exchange release --owner {OWNER}`" in found.findings[2].remedy
    assert found.findings[2].says == "has objects here: 1 × standard token exchange, 1 × audience mapper"
    was_on = Claim(OWNER, SWITCH_CLAIM, {}, {"attributes.standard.token.exchange.enabled": "true"})
    found = look(client("a", "b", attributes={**ON, was_on.key: was_on.text()}), client("b"))
    assert said(found) == [("a-to-b", "standard", "requester")]


def test_what_somebody_writes_in_any_number_is_one_finding() -> None:
    claims = (Claim(f"stranger{number}", SWITCH_CLAIM, {}, {}) for number in range(1000))
    forged = {claim.key: claim.text() for claim in (*claims, Claim(OWNER, SWITCH_CLAIM, {}, {}))}
    mappers = tuple(
        {"id": name, "name": name, "protocolMapper": "oidc-usermodel-attribute-mapper", "config": config}
        for name, config in (
            (f"m{each}", {"claim.name": "aud", "user.attribute": "x", "access.token.claim": "true"})
            for each in range(99)
        )
    )
    told = client("told", *(f"nowhere{number}" for number in range(500)), attributes={**ON, **forged})
    own = client("a", "b", mapper={"pulumi.owner": OWNER})
    found = look(told, own, client("b"), Client("uuid-c", "c", told.representation, mappers))
    about = {each.about: each for each in found.findings}
    assert len(found.findings) < 12 and found.owners == 1001
    assert about["owners at client 'c'"].number == 1000 and about[f"owner '{OWNER}'"].number == 1
    assert about["owners at client 'c'"].says.startswith("are 1000, such as: owner 'stranger0' has objects here: 2 × ")
    assert about["audiences in tokens of 'told'"].number == 500
    assert about["aud in tokens of 'c'"].number == 99


def test_a_marked_policy_beside_one_of_nobody() -> None:
    policies = (policy("client", "p", clients=["a"]), policy("client", "q", marked("x", OWNER), clients=["c"]))
    found = look(
        client("a"), client("b"), client("c"), policies=policies, permissions={"b": ("AFFIRMATIVE", ("p", "q"))}
    )
    assert said(found) == [("a-to-b", "legacy", "requester")]
    assert levels(found) == {"policy 'q' of 'b'": Level.STACKS, f"owner '{hash16(OWNER)}'": Level.STACKS}


def test_lightweight_tokens_carry_what_says_so() -> None:
    light = {**ON, "client.use.lightweight.access.token.enabled": "true"}
    assert look(client("a", "b", attributes=light), client("b")).grants == ()
    found = look(client("a", "b", attributes=light, mapper={"lightweight.claim": "true"}), client("b"))
    assert said(found) == [("a-to-b", "standard", "requester")]


def test_who_gets_no_tokens_is_no_source() -> None:
    silent = {"standardFlowEnabled": False}
    found = look(
        client("a", "b", attributes=ON, **silent), client("b"), client("c", "d", **silent), client("d", attributes=ON)
    )
    assert found.grants == () and levels(found) == {
        "switch of client 'a'": Level.EMPTY,
        "switch of client 'd'": Level.EMPTY,
    }
    found = look(
        client("a", **silent),
        client("b"),
        policies=(policy("client", "p", clients=["a"]),),
        permissions={"b": ("UNANIMOUS", ("p",))},
    )
    assert any("so it exchanges those of clients that Keycloak does not record" in each.says for each in found.findings)


def test_three_clients_and_what_they_imply() -> None:
    found = look(client("a", "b"), client("b", "b", "c", attributes=ON), client("c"), features=STANDARD)
    assert said(found) == [
        ("a-by-b-to-c", "standard", "by b"),
        ("a-to-b", "standard", "recipient"),
        ("b-to-c", "standard", "requester"),
    ]


@pytest.mark.parametrize(
    ("role", "defined", "grants"),
    [
        ("r", {}, 1),
        ("b/r", {"b": ("r",)}, 1),
        ("b/r", {"b": ("other", "r")}, 0),
        ("r", {"b": ("other",)}, 0),
        ("c/r", {"c": ("r",)}, 0),
        ("c/r", {}, 1),  # a role of the realm with a slash in its name
    ],
)
def test_a_scope_for_holders_of_a_role(role: str, defined: dict[str, tuple[str, ...]], grants: int) -> None:
    mapper = client("x", "b").mappers[0]
    found = look(
        client("a", attributes=ON, defaultClientScopes=["to-b"]),
        client("b"),
        client("c"),
        features=STANDARD,
        scopes=({"name": "to-b", "protocolMappers": [mapper]},),
        facts=RoleFacts(defined, {"to-b": (role,)}),
    )
    assert len(found.grants) == grants and found.lost is not bool(grants)
    if grants:
        assert found.grants[0].config()["scope"] == "to-b" and len(found.grants[0].config()["requiredRoles"]) == 1


# Names


def test_names_are_unique_short_and_hold_nothing_that_parts() -> None:
    long = "x" * 200
    found = look(
        client("#a b", "t", attributes=ON),
        client("a/b", "t", "t2", attributes=ON, id="1"),
        client(long, "t3", attributes=ON),
        client("größe", "t2", "größe"),
        *(client(each) for each in ("t", "t3")),
        client("t2", "t2", attributes=ON),
        features=STANDARD,
    )
    names = [each.name for each in found.grants]
    assert len(set(names)) == len(names) and all(
        len(name) <= 60 and "#" not in name and " " not in name for name in names
    )
    assert "to-t" in names


def test_grants_between_the_same_clients_are_told_apart_and_keep_their_names() -> None:
    policies = (policy("client", "p", clients=["a"]), policy("client", "q", clients=["a", "c"]))
    clients = [client("a", "b"), client("b", attributes={}), client("c", "b"), client("d")]
    found = look(*clients, policies=policies, permissions={"b": ("AFFIRMATIVE", ("p", "q"))})
    assert said(found) == [("a-to-b", "legacy", "requester"), ("to-b", "legacy", "recipient requester")]
    alone = look(*clients[1:], policies=policies[:1], permissions={"b": ("AFFIRMATIVE", ("p",))})
    assert said(alone)[0][0] == "c-to-b"
    twice = look(
        client("a", "b", attributes={**ON, "standard.token.exchange.enableRefreshRequestedTokenType": "SAME_SESSION"}),
        client("b", "b", attributes=ON),
        features=STANDARD,
    )
    assert said(twice) == [("a-to-b-recipient", "standard", "recipient"), ("a-to-b-requester", "standard", "requester")]


def test_a_config_says_no_default() -> None:
    grant = ExistingGrant("n", "standard", ("a",), "b", ("recipient",), None, False)
    assert grant.config() == {
        "name": "n",
        "sources": ["a"],
        "target": "b",
        "flows": ["recipient"],
        "exchange": "standard",
    }


# Policies


def time(name: str = "t", logic: str = "POSITIVE", **config: str) -> dict[str, Any]:
    return policy("time", name, logic=logic, **config)


@pytest.mark.parametrize(
    ("config", "window"),
    [
        ({"hour": "9", "hourEnd": "16"}, Window("09:00", "17:00")),
        ({"hour": "9", "hourEnd": "23"}, Window("09:00", "00:00")),
        ({"hour": "9", "hourEnd": "9", "minute": "15", "minuteEnd": "29"}, Window("09:15", "09:30")),
        ({"noa": "2099-01-01 00:00:00"}, Window(not_on_or_after="2099-01-01 00:00:00")),
        ({"nbf": "2020-01-01 00:00:00", "hour": "0", "hourEnd": "5"}, Window("00:00", "06:00", "2020-01-01 00:00:00")),
        ({"hour": "9"}, None),
        ({"hour": "0", "hourEnd": "23"}, None),
        ({"hour": "20", "hourEnd": "6"}, None),
        ({"hour": "9", "hourEnd": "16", "dayMonth": "1"}, None),
        ({"hour": "9", "hourEnd": "16", "minute": "0", "minuteEnd": "29"}, None),
        ({"hour": "nine", "hourEnd": "16"}, None),
        ({"nbf": "2020-01-01T00:00:00Z"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_time_policy_is_a_window_only_where_it_is_made_of_it_again(
    config: dict[str, str], window: Window | None
) -> None:
    assert window_of(time(**config)) == window


MAY = policy("client", "may", clients=["a", "b"])
HOURS = time("hours", hour="9", hourEnd="16")


@pytest.mark.parametrize(
    ("policies", "stands"),
    [
        ([MAY], ExistingPolicy("may", frozenset("ab"), None, {"": "may"})),
        ([policy("client", "may", logic="NEGATIVE", clients=["a"])], None),
        ([policy("client", "may", clients=[])], None),
        ([policy("client", "may", marked("", OWNER), clients=["a"])], None),
        ([policy("client", "may", "d" * 240, clients=["a"])], None),
        ([policy("role", "may", roles=[{"id": "r"}])], None),
        ([policy("aggregate", "may", applyPolicies=["m"]), {**MAY, "name": "m"}], None),
        (
            [policy("aggregate", "may", applyPolicies=["hours", "m"]), {**MAY, "name": "m"}, HOURS],
            ExistingPolicy(
                "may", frozenset("ab"), Window("09:00", "17:00"), {"": "m", "time 1": "hours", "conditions": "may"}
            ),
        ),
        (
            [
                policy("aggregate", "may", applyPolicies=["hours", "m"], strategy="AFFIRMATIVE"),
                {**MAY, "name": "m"},
                HOURS,
            ],
            None,
        ),
        (
            [policy("aggregate", "may", logic="NEGATIVE", applyPolicies=["hours", "m"]), {**MAY, "name": "m"}, HOURS],
            None,
        ),
        (
            [
                policy("aggregate", "may", applyPolicies=["hours", "m"]),
                {**MAY, "name": "m"},
                {**HOURS, "logic": "NEGATIVE"},
            ],
            None,
        ),
    ],
)
def test_what_says_what_a_grants_policy_would(policies: list[dict[str, Any]], stands: ExistingPolicy | None) -> None:
    by_name = {each["name"]: each for each in policies}
    assert existing_policy(by_name, "may") == stands and existing_policy(by_name, "none") is None
    clients, window = (stands.clients, stands.window) if stands else (frozenset("ab"), None)
    assert existing_policy_for(by_name, ["none", "may"], clients, window) == stands
    assert existing_policy_for(by_name, ["may"], frozenset("a"), window) is None


@pytest.mark.parametrize(
    ("given", "words", "nothing"),
    [
        (policy("client", "p", clients=["a", "b", "c"]), "client policy 'p' lets 'a', 'b' and 'c' through", False),
        (policy("client", "p", logic="NEGATIVE", clients=["a"]), "(NEGATIVE) lets every client but 'a' through", False),
        (policy("client", "p", clients=[]), "lets nobody through, since its clients were deleted", True),
        (policy("client", "p", logic="NEGATIVE", clients=[]), "lets every client through", False),
        (policy("user", "p", users=["u"]), "never matches", True),
        (policy("user", "p", logic="NEGATIVE", users=["u"]), "lets everybody through", False),
        (policy("role", "p", roles=[{"id": "x/y"}, {"id": "z"}]), "the role 'x/y' or 'z'", False),
        (policy("group", "p", groups=[{"path": "/g"}]), "in the group '/g'", False),
        (time("p", hour="9"), "every client at hour 9", False),
        (time("p", nbf="2020-01-01 00:00:00"), "every client at notBefore 2020-01-01 00:00:00", False),
        (time("p"), "every client at any time", False),
        (policy("script-x.js", "p"), "lets whom its script-x.js says through", False),
        (policy("aggregate", "p", applyPolicies=["p"]), "policy 'p' cannot be read", False),
    ],
)
def test_what_a_policy_means(given: dict[str, Any], words: str, nothing: bool) -> None:
    assert words in meaning({"p": given}, "p") and grants_nothing({"p": given}, "p") is nothing


def test_other_permissions_on_the_same_exchange() -> None:
    other = policy(
        "scope", "mine", scopes=["token-exchange"], resources=["client.resource.uuid-b"], applyPolicies=["p"]
    )
    held = {**policy("client", "p", clients=["a"])}
    clients = (client("a"), client("b"))
    found = look(*clients, policies=(other, held), permissions={})
    assert levels(found) == {"permission 'mine' of 'b'": Level.EMPTY}
    assert permission_name("uuid-b") in found.findings[0].says
    found = look(*clients, policies=(other, held), permissions={"b": ("UNANIMOUS", ("p",))})
    assert levels(found) == {"token-exchange permission of 'b'": Level.LOST} and found.grants == ()


@pytest.mark.parametrize(
    ("strategy", "names", "grants", "lost"),
    [
        ("AFFIRMATIVE", ("p", "q"), 2, False),
        ("UNANIMOUS", ("p", "q"), 0, True),
        ("CONSENSUS", ("p", "q"), 0, True),
        ("UNANIMOUS", ("p",), 1, False),
        ("CONSENSUS", ("q",), 1, False),
        ("AFFIRMATIVE", ("not", "p"), 1, True),
        ("UNANIMOUS", ("not",), 0, True),
        ("UNANIMOUS", (), 0, False),
        ("UNANIMOUS", ("p", "many"), 0, True),
        ("UNANIMOUS", ("many",), 0, True),  # b is the target
        ("UNANIMOUS", ("on",), 0, True),  # the standard exchange serves it
        ("UNANIMOUS", ("public",), 0, True),
    ],
)
def test_a_policy_is_a_grant_where_it_alone_decides(
    strategy: str, names: tuple[str, ...], grants: int, lost: bool
) -> None:
    policies = (
        policy("client", "p", clients=["a"]),
        policy("client", "q", clients=["c"]),
        policy("client", "not", logic="NEGATIVE", clients=["a"]),
        policy("client", "many", clients=["a", "b"]),
        policy("client", "on", clients=["d"]),
        policy("client", "public", clients=["e"]),
    )
    clients = (client("a"), client("b"), client("c"), client("d", attributes=ON), client("e", publicClient=True))
    found = look(*clients, policies=policies, permissions={"b": (strategy, names)})
    assert len(found.grants) == grants and found.lost is lost
    assert all(grant.exchange == "legacy" and grant.allow_refresh for grant in found.grants)


@pytest.mark.parametrize(
    ("mapper", "added"),
    [
        ({}, False),
        ({"introspection.token.claim": "true"}, False),
        ({"introspection.token.claim": "false"}, True),
        ({"id.token.claim": "true"}, True),
        ({"included.client.audience": "", "included.custom.audience": "b"}, True),
    ],
)
def test_a_mapper_that_is_not_as_a_grant_makes_it(mapper: dict[str, str], added: bool) -> None:
    found = look(client("a", "b", attributes=ON, mapper=mapper), client("b"), features=STANDARD)
    assert said(found) == [("a-to-b", "standard", "requester")]
    adds = [each.about for each in found.findings if each.level == Level.ADDED]
    assert adds == (["audience mapper for 'b' to client 'a'"] if added else [])


def test_who_exchanges_for_itself_gets_its_own_audience() -> None:
    found = look(client("a", "b"), client("b", attributes=ON), features=STANDARD)
    assert [each.about for each in found.findings] == ["audience mapper for 'b' to client 'b'"]
