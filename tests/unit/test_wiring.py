"""What each grant needs, what stands against it, and what grants open together: tables over facts, without a server."""

import json
from dataclasses import replace
from typing import Any

import pytest

from grants import implied as closure
from grants.conditions import RequiredRole, TimeWindow
from grants.description import title
from grants.plan import in_token_scope, policy_name, questions, requesters
from grants.planning import Plan, plan
from grants.spec import GrantSpec
from kcadmin.authz.exchange_permission import Overview
from kcadmin.marks.ownership import hash16
from kcadmin.objects.audience_scopes import AudienceScope
from kcadmin.objects.features import Features
from reach.facts import ClientFacts, Facts
from reach.roles import RoleFacts
from reach.surroundings import Surroundings
from tests.support import surveys

BOTH, STANDARD, LEGACY, NONE = (
    Features(True, True, True),
    Features(True, False, False),
    Features(False, True, True),
    Features(False, False, False),
)
OWNER = "org/project/stack"


def client(client_id: str, **changes: Any) -> ClientFacts:
    facts = ClientFacts(
        uuid=f"uuid-{client_id}",
        client_id=client_id,
        enabled=True,
        public=False,
        bearer_only=False,
        openid_connect=True,
        consent_required=False,
        service_account=False,
        standard_flow=True,
        direct_access_grants=False,
        switch_on=False,
        switch_owners=(),
        audiences={},
    )
    return replace(facts, **changes)


def facts(
    features: Features | None = BOTH,
    *,
    realm: str = "r",
    missing: tuple[str, ...] = (),
    permissions: Any = None,
    **changes: dict[str, Any],
) -> Facts:
    """All clients that the tests name, some of them changed."""
    names = ("frontend", "mobile", "api", "gateway", "billing")
    clients = {(realm, name): client(name, **changes.get(name, {})) for name in names if name not in missing}
    return Facts(features, clients, permissions=permissions or {})


def grant(name: str = "g", **changes: Any) -> GrantSpec:
    given = {"sources": ("frontend",), "target": "api", "realm": "r", "owner": OWNER, **changes}
    if "requester" not in given:
        given.setdefault("flows", ("recipient",))
    return GrantSpec(name, **given)


def planned(found: Plan) -> list[tuple[Any, ...]]:
    assert found.faults == ()
    return [(each.exchange, each.mappers, each.switches, each.policy_clients) for each in found.grants]


# Wiring

SELF, TO_API = ("api", "api"), ("frontend", "api")


@pytest.mark.parametrize(
    ("changes", "mappers", "switches"),
    [
        ({}, (TO_API, SELF), ("api",)),
        ({"flows": ("requester",)}, (TO_API,), ("frontend",)),
        ({"flows": ("recipient", "requester")}, (TO_API, SELF), ("api", "frontend")),
        ({"sources": ("frontend", "mobile")}, (TO_API, SELF, ("mobile", "api")), ("api",)),
        (
            {"sources": ("frontend", "mobile"), "flows": ("requester",)},
            (TO_API, ("mobile", "api")),
            ("frontend", "mobile"),
        ),
        ({"requester": "gateway"}, (("frontend", "gateway"), ("gateway", "api")), ("gateway",)),
        (
            {"requester": "gateway", "sources": ("frontend", "mobile")},
            (("frontend", "gateway"), ("gateway", "api"), ("mobile", "gateway")),
            ("gateway",),
        ),
    ],
    ids=str,
)
def test_standard(changes: dict[str, Any], mappers: tuple[Any, ...], switches: tuple[str, ...]) -> None:
    spec = grant(exchange="standard", **changes)
    assert planned(plan([spec], facts())) == [("standard", mappers, switches, ())]
    assert requesters(spec) == switches


@pytest.mark.parametrize(
    ("changes", "mappers", "policy_clients"),
    [
        ({}, (TO_API, SELF), ()),
        ({"flows": ("requester",)}, (), ("frontend",)),
        ({"flows": ("recipient", "requester")}, (TO_API, SELF), ("frontend",)),
        ({"sources": ("frontend", "mobile"), "flows": ("requester",)}, (), ("frontend", "mobile")),
        ({"requester": "gateway"}, (), ("gateway",)),
        ({"requester": "gateway", "sources": ("frontend", "mobile")}, (), ("gateway",)),
    ],
    ids=str,
)
def test_legacy(changes: dict[str, Any], mappers: tuple[Any, ...], policy_clients: tuple[str, ...]) -> None:
    assert planned(plan([grant(exchange="legacy", **changes)], facts())) == [("legacy", mappers, (), policy_clients)]


@pytest.mark.parametrize(
    ("changes", "flows"),
    [
        ({}, [("recipient", "frontend", "api", None)]),
        ({"flows": ("requester",)}, [("requester", "frontend", "frontend", "api")]),
        ({"requester": "gateway"}, [("requester", "frontend", "gateway", "api")]),
        (
            {"sources": ("frontend", "mobile"), "flows": ("recipient", "requester")},
            [
                ("recipient", "frontend", "api", None),
                ("requester", "frontend", "frontend", "api"),
                ("recipient", "mobile", "api", None),
                ("requester", "mobile", "mobile", "api"),
            ],
        ),
    ],
    ids=str,
)
def test_flows_say_what_the_caller_sends(changes: dict[str, Any], flows: list[Any]) -> None:
    (found,) = plan([grant(exchange="standard", **changes)], facts()).grants
    assert [(each.flow, each.source, each.requester, each.audience) for each in found.flows] == flows


def test_uuids_of_every_client_named() -> None:
    (found,) = plan([grant(requester="gateway")], facts()).grants
    assert found.uuids == {name: f"uuid-{name}" for name in ("api", "frontend", "gateway")}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "g: frontend → api, standard, recipient"),
        (
            {"sources": ("frontend", "mobile"), "flows": ("recipient", "requester")},
            "g: frontend, mobile → api, standard, recipient and requester",
        ),
        ({"requester": "gateway"}, "g: frontend → api, standard, requester gateway"),
    ],
    ids=str,
)
def test_a_line_for_people(changes: dict[str, Any], line: str) -> None:
    assert [title(each) for each in plan([grant(**changes)], facts()).grants] == [line]


# Which exchange

OURS = {policy_name(grant()): hash16(f"{OWNER}#g")}


@pytest.mark.parametrize(
    ("asked", "features", "changes", "permissions", "chosen"),
    [
        ("auto", BOTH, {}, {}, "standard"),
        ("auto", STANDARD, {}, {}, "standard"),
        ("auto", LEGACY, {}, {}, "legacy"),
        ("standard", BOTH, {}, {}, "standard"),
        ("standard", None, {}, {}, "standard"),
        ("legacy", BOTH, {}, {}, "legacy"),
        # never moved: where our legacy parts are, it stays
        ("auto", BOTH, {}, {"r": Overview(OURS, {})}, "legacy"),
        ("standard", BOTH, {}, {"r": Overview(OURS, {})}, "standard"),
        ("auto", BOTH, {"frontend": {"audiences": {"api": "legacy"}}}, {}, "legacy"),
        ("auto", BOTH, {"frontend": {"audiences": {"api": "standard"}}}, {}, "standard"),
        ("auto", BOTH, {"frontend": {"audiences": {"api": None}}}, {}, "standard"),
        ("auto", BOTH, {"frontend": {"audiences": {"billing": "legacy"}}}, {}, "standard"),
        # another's policy of that name is not ours
        # under an owner that was since renamed, or another stack's grant of that name: staying is the safe side
        ("auto", BOTH, {}, {"r": Overview(dict.fromkeys(OURS, "0" * 16), {})}, "legacy"),
        ("auto", BOTH, {"api": {"audiences": {"api": "legacy"}}}, {}, "legacy"),
        ("auto", BOTH, {}, {"r": Overview(dict.fromkeys(OURS, None), {})}, "standard"),
        ("auto", BOTH, {}, {"other": Overview(OURS, {})}, "standard"),
    ],
    ids=str,
)
def test_which_exchange(
    asked: str, features: Features | None, changes: dict[str, Any], permissions: dict[str, Overview], chosen: str
) -> None:
    found = plan([grant(exchange=asked)], facts(features, permissions=permissions, **changes))
    assert [each.exchange for each in found.grants] == [chosen]
    stays = asked == "auto" and chosen == "legacy" and features is BOTH
    assert stays == any("stays on the legacy exchange" in note for note in found.notes)


@pytest.mark.parametrize(
    ("had", "features", "words"),
    [
        ("standard", LEGACY, "the server has no standard exchange, by which this grant was made; start Keycloak with "
         "--features=token-exchange-standard:v2, or set exchange: legacy to move the grant."),
        ("legacy", STANDARD, "the server has no legacy exchange, by which this grant was made; start Keycloak with "
         "--features=token-exchange:v1,admin-fine-grained-authz:v1, or set exchange: standard to move the grant."),
        ("legacy", NONE, "the server has no legacy exchange, by which this grant was made; start Keycloak with "
         "--features=token-exchange:v1,admin-fine-grained-authz:v1."),
    ],
)  # fmt: skip
def test_a_feature_that_is_switched_off_moves_no_grant(had: str, features: Features, words: str) -> None:
    seen = replace(facts(features), had={"g": had, "of another": "standard"})
    found = plan([grant(exchange="auto", flows=("requester",))], seen)
    assert found.faults == (f"grant 'g' in realm 'r': {words}",)


def test_what_is_asked_of_the_server() -> None:
    assert questions([grant(exchange="standard")]).ask_features is False
    assert questions([grant(exchange="standard"), grant("h", exchange="auto")]).ask_features is True
    asked = questions([grant(exchange="auto", flows=("requester",)), grant("h", realm="s", exchange="legacy")])
    assert asked.clients == {("r", "frontend"), ("r", "api"), ("s", "frontend"), ("s", "api")}
    assert asked.switches == {("r", "frontend")} and asked.permissions == {"r"}


# Faults

OFF = {"enabled": False}


@pytest.mark.parametrize(
    ("changes", "given", "words"),
    [
        ({}, {"missing": ("api",)}, "client 'api' does not exist; create it, or correct the name"),
        ({}, {"missing": ("frontend",)}, "client 'frontend' does not exist"),
        ({"requester": "gateway"}, {"missing": ("gateway",)}, "client 'gateway' does not exist"),
        ({}, {"frontend": OFF}, "client 'frontend' is disabled; enable it"),
        ({}, {"api": OFF}, "client 'api' is disabled"),
        ({}, {"api": {"openid_connect": False}}, "client 'api' is not an OpenID Connect client; name one"),
        ({}, {"api": {"public": True}}, "requester 'api' is a public client; make it confidential"),
        ({"flows": ("requester",)}, {"frontend": {"public": True}}, "requester 'frontend' is a public client"),
        (
            {"flows": ("requester",), "allow_public_source": True},
            {"frontend": {"public": True}},
            "requester 'frontend' is a public",
        ),
        ({"requester": "gateway"}, {"gateway": {"public": True}}, "requester 'gateway' is a public client"),
        ({}, {"frontend": {"public": True}}, "source 'frontend' is a public client; set allowPublicSource: true"),
        ({}, {"api": {"bearer_only": True}}, "requester 'api' is bearer-only and cannot call the token endpoint"),
        (
            {"flows": ("requester",), "exchange": "legacy"},
            {"frontend": {"switch_on": True}},
            "'frontend' has the standard exchange switched on",
        ),
        ({"exchange": "legacy"}, {"api": {"switch_on": True}}, "requester 'api' has the standard exchange switched on"),
        (
            {"exchange": "legacy"},
            {"api": {"switch_on": True, "switch_owners": (OWNER, "another")}},
            "requester 'api' has the standard exchange switched on",
        ),
        ({"manage_switch": False}, {}, "switched off, and manageSwitch is false; let its owner set"),
        (
            {"exchange": "standard"},
            {"features": LEGACY},
            "the server has no standard exchange; start Keycloak with --features=token-exchange-standard:v2",
        ),
        (
            {"exchange": "legacy"},
            {"features": STANDARD},
            "the server has no legacy exchange; start Keycloak with --features="
            "token-exchange:v1,admin-fine-grained-authz:v1",
        ),
        ({"exchange": "legacy"}, {"features": Features(True, True, False)}, "--features=admin-fine-grained-authz:v1"),
        (
            {},
            {"features": NONE},
            "the server offers neither exchange; start Keycloak with --features=token-exchange-standard:v2",
        ),
        (
            {"manage_switch": False},
            {"features": LEGACY},
            "manageSwitch is false, but the legacy exchange has no switch",
        ),
    ],
    ids=str,
)
def test_each_fault(changes: dict[str, Any], given: dict[str, Any], words: str) -> None:
    found = plan([grant(**changes)], facts(**given))
    assert len(found.faults) == 1 and found.grants == () and found.notes == ()
    (fault,) = found.faults
    assert fault.startswith("grant 'g' in realm 'r': ") and words in fault and fault.endswith(".") and "; " in fault


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({"allow_public_source": True}, {"frontend": {"public": True}}),
        ({"flows": ("requester",)}, {"api": {"public": True}}),
        ({"flows": ("requester",)}, {"api": {"bearer_only": True}}),
        ({"requester": "gateway"}, {"api": {"public": True}}),
        ({"manage_switch": False}, {"api": {"switch_on": True}}),
        ({}, {"api": {"switch_on": True}}),
        ({"exchange": "legacy"}, {"api": {"switch_on": True, "switch_owners": (OWNER,)}}),
        ({"exchange": "legacy", "flows": ("requester",)}, {"api": {"switch_on": True}}),
        ({"exchange": "standard"}, {"features": None}),
    ],
    ids=str,
)
def test_what_is_no_fault(changes: dict[str, Any], given: dict[str, Any]) -> None:
    assert plan([grant(**changes)], facts(**given)).faults == ()


def test_a_source_that_gets_no_tokens() -> None:
    found = plan([grant()], facts(frontend={"bearer_only": True})).faults
    assert found and "source 'frontend' is bearer-only and gets no tokens" in found[-1]


def test_a_realm_that_is_not_there_is_one_fault_a_grant() -> None:
    found = plan([grant(), grant("h")], Facts(BOTH, {}, frozenset({"r"})))
    assert found.faults == tuple(
        f"grant '{name}' in realm 'r': the realm does not exist, or the login may not see it; correct the realm."
        for name in "gh"
    )


def test_every_fault_of_every_grant_at_once() -> None:
    found = plan(
        [grant(), grant("h", target="billing"), grant("h")], facts(missing=("billing",), api={"enabled": False})
    )
    assert len(found.faults) == 4 and found.grants == ()
    assert any("the name is used by several grants; give each its own" in fault for fault in found.faults)


STRANGERS = {"uuid-api": ("UNANIMOUS", ("only by day", "frontend may"))}


@pytest.mark.parametrize(
    ("changes", "permissions", "marks", "refused"),
    [
        ({}, STRANGERS, {}, True),
        ({}, STRANGERS, {"only by day": None, "frontend may": None}, True),
        ({}, STRANGERS, {"only by day": hash16("another"), "frontend may": hash16(f"{OWNER}#g")}, False),
        ({}, {"uuid-api": ("AFFIRMATIVE", ("only by day",))}, {}, False),
        ({}, {"uuid-api": ("UNANIMOUS", ())}, {}, False),
        ({}, {"uuid-billing": STRANGERS["uuid-api"]}, {}, False),
        ({"flows": ("recipient",)}, STRANGERS, {}, False),
        ({"exchange": "standard"}, STRANGERS, {}, False),
    ],
    ids=str,
)
def test_a_permission_that_unmanaged_policies_deny(
    changes: dict[str, Any], permissions: Any, marks: dict[str, str | None], refused: bool
) -> None:
    spec = grant(**{"exchange": "legacy", "flows": ("requester",), **changes})
    found = plan([spec], facts(permissions={"r": Overview(marks, permissions)})).faults
    assert bool(found) is refused
    if refused:
        assert "holds the policies frontend may, only by day under UNANIMOUS" in found[0] and "AFFIRMATIVE" in found[0]


# Conflicts between grants


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({}, {"allow_refresh": True}, "wants allowRefresh true for client 'api', grant 'g' wants false; agree on one"),
        ({}, {"on_remove": "revoke"}, "wants onRemove revoke for client 'api', grant 'g' wants restore; agree on one"),
        ({}, {"manage_switch": False}, "wants manageSwitch false for client 'api', grant 'g' wants true; agree on one"),
        (
            {"exchange": "standard"},
            {"exchange": "legacy"},
            "requester 'api' is switched to the standard exchange by grant 'g'",
        ),
    ],
    ids=str,
)
def test_conflicts_name_both_grants(one: dict[str, Any], other: dict[str, Any], words: str) -> None:
    given = facts(api={"switch_on": not other.get("manage_switch", True)})
    found = plan([grant(**one), grant("h", sources=("mobile",), **other)], given).faults
    assert len(found) == 1 and found[0].startswith("grant 'h' in realm 'r': ") and words in found[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"allow_refresh": True, "flows": ("requester",)}),
        ({}, {"on_remove": "revoke", "target": "billing"}),
        ({}, {"allow_refresh": True, "realm": "s"}),
        ({"exchange": "standard", "flows": ("requester",)}, {"exchange": "legacy", "flows": ("requester",)}),
    ],
    ids=str,
)
def test_no_conflict(one: dict[str, Any], other: dict[str, Any]) -> None:
    given = facts()
    both = Facts(BOTH, {**given.clients, **facts(realm="s").clients})
    assert plan([grant(**one), grant("h", sources=("mobile",), **other)], both).faults == ()


# Notes


def implied(*grants: GrantSpec, features: Features = STANDARD, guards: tuple[str, ...] = ()) -> list[str]:
    found = plan(grants, facts(features), guards).grants
    names = ("frontend", "mobile", "api", "gateway", "billing")
    around = Surroundings(surveys.survey(*map(surveys.client, names), features=features), RoleFacts())
    return [each.short for each in closure.implied(found, found, around, guards)]


A_TO_B = grant("ab", sources=("frontend",), target="gateway")
B_TO_C = grant("bc", sources=("gateway",), target="billing", flows=("requester",))
LINE = (
    "implied by grants 'ab' and 'bc' in realm 'r': 'gateway' may also turn tokens of 'frontend' into tokens for "
    "'billing'."
)


@pytest.mark.parametrize(
    ("grants", "lines"),
    [
        ([A_TO_B, B_TO_C], [LINE]),
        ([B_TO_C, A_TO_B], [LINE]),
        ([A_TO_B], []),
        ([B_TO_C], []),
        ([A_TO_B, B_TO_C, grant("abc", sources=("frontend",), requester="gateway", target="billing")], []),
        ([A_TO_B, replace(B_TO_C, sources=("mobile",))], []),
        (
            [A_TO_B, grant("bc", sources=("gateway",), target="billing", flows=("recipient",))],
            [LINE.replace("'frontend'", "'frontend', 'gateway'")],
        ),
    ],
    ids=["chain", "other order", "first", "second", "declared", "apart", "recipient"],
)
def test_what_two_grants_open_together(grants: list[GrantSpec], lines: list[str]) -> None:
    assert implied(*grants) == lines


def test_what_is_opened_back_to_the_source() -> None:
    ab, ba = grant("ab", flows=("recipient",)), grant("ba", sources=("api",), target="frontend", flows=("requester",))
    lines = implied(ab, ba)
    assert lines == [
        "implied by grants 'ab' and 'ba' in realm 'r': 'api' may also turn tokens of 'frontend' into tokens for 'frontend'."
    ]


BY_LEGACY = "'billing' may also exchange tokens of 'gateway' for itself."


def test_what_the_legacy_exchange_opens_at_each_audience() -> None:
    assert implied(B_TO_C, features=BOTH) == [f"implied by grant 'bc' in realm 'r': {BY_LEGACY}"]


def test_guards_close_what_grants_open_together() -> None:
    grants = [
        replace(B_TO_C, exchange="standard"),
        grant("ab", exchange="standard", target="gateway", flows=("requester",)),
    ]
    assert len(implied(*grants, features=BOTH)) == 3
    assert implied(*grants, features=BOTH, guards=("requesters", "sources")) == []


@pytest.mark.parametrize(
    ("changes", "given", "words"),
    [
        (
            {"exchange": "legacy", "flows": ("requester",)},
            {},
            "its sources may exchange any client's token for the target",
        ),
        (
            {},
            {"frontend": {"standard_flow": False}},
            "source 'frontend' has neither standard flow, direct access grants nor",
        ),
        ({}, {"api": {"consent_required": True}}, "client 'api' requires consent"),
        ({"flows": ("requester",)}, {"frontend": {"consent_required": True}}, "client 'frontend' requires consent"),
        (
            {"manage_switch": False},
            {"api": {"switch_on": True, "switch_owners": (OWNER,)}},
            "this stack gives up the standard exchange of 'api'",
        ),
    ],
    ids=str,
)
def test_each_note(changes: dict[str, Any], given: dict[str, Any], words: str) -> None:
    found = plan([grant(**changes)], facts(**given)).notes
    assert any(words in note and note.endswith(".") and "; " in note for note in found)


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({}, {}),
        ({}, {"frontend": {"standard_flow": False, "service_account": True}}),
        ({}, {"frontend": {"standard_flow": False, "direct_access_grants": True}}),
        ({}, {"frontend": {"consent_required": True}}),
        ({"manage_switch": False}, {"api": {"switch_on": True, "switch_owners": ("another",)}}),
    ],
    ids=str,
)
def test_nothing_to_note(changes: dict[str, Any], given: dict[str, Any]) -> None:
    assert plan([grant(**changes)], facts(**given)).notes == ()


# Names


def test_a_policys_name_differs_by_grant_owner_and_target_and_fits() -> None:
    names = {policy_name(each) for each in (grant(), grant("h"), grant(target="billing"), grant(owner="another"))}
    assert len(names) == 4 and policy_name(grant()).startswith("g: may exchange for api [")
    assert len(policy_name(grant("n" * 100, target="t" * 255))) == 255


# What stands there already


def exported(name: str, type_: str = "client", logic: str = "POSITIVE", **config: Any) -> dict[str, Any]:
    texts = {key: each if isinstance(each, str) else json.dumps(each) for key, each in config.items()}
    return {"name": name, "type": type_, "logic": logic, "decisionStrategy": "UNANIMOUS", "config": texts}


def with_policies(strategy: str, *policies: dict[str, Any], attached: tuple[str, ...]) -> Facts:
    by_name = {each["name"]: each for each in policies}
    there = Overview(dict.fromkeys(by_name), {"uuid-api": (strategy, attached)}, by_name)
    return facts(LEGACY, permissions={"r": there})


ASKS = {"exchange": "legacy", "flows": ("requester",)}
MAY = exported("Wer darf", clients=["frontend"])
HOURS = exported("hours", "time", hour="9", hourEnd="16")
IN_HOURS = exported("in hours", "aggregate", applyPolicies=["Wer darf", "hours"])


@pytest.mark.parametrize(
    ("changes", "strategy", "policies", "attached", "stands"),
    [
        ({}, "UNANIMOUS", [MAY], ("Wer darf",), "Wer darf"),
        ({}, "CONSENSUS", [MAY], ("Wer darf",), "Wer darf"),
        ({}, "AFFIRMATIVE", [MAY, HOURS], ("Wer darf", "hours"), "Wer darf"),
        ({}, "AFFIRMATIVE", [MAY], (), None),
        ({}, "AFFIRMATIVE", [exported("all but", logic="NEGATIVE", clients=["frontend"])], ("all but",), None),
        ({"sources": ("frontend", "mobile")}, "AFFIRMATIVE", [MAY], ("Wer darf",), None),
        ({"time_window": TimeWindow("09:00", "17:00")}, "UNANIMOUS", [MAY, HOURS, IN_HOURS], ("in hours",), "in hours"),
        ({}, "AFFIRMATIVE", [MAY, HOURS, IN_HOURS], ("in hours",), None),
    ],
    ids=str,
)
def test_a_policy_that_says_the_same_is_used(
    changes: dict[str, Any],
    strategy: str,
    policies: list[dict[str, Any]],
    attached: tuple[str, ...],
    stands: str | None,
) -> None:
    found = plan([grant(**{**ASKS, **changes})], with_policies(strategy, *policies, attached=attached))
    assert found.faults == ()
    used = found.grants[0].standing
    assert (used.name if used else None) == stands


@pytest.mark.parametrize(
    ("changes", "policy", "mark", "refused"),
    [
        ({"required_roles": (RequiredRole("staff"),)}, MAY, None, True),
        ({"required_roles": (RequiredRole("staff"),)}, MAY, "of another stack", True),
        ({"required_roles": (RequiredRole("staff"),)}, MAY, hash16(f"{OWNER}#g"), False),
        ({"required_roles": (RequiredRole("staff"),)}, exported("others", clients=["mobile"]), None, False),
        ({"required_roles": (RequiredRole("staff"),)}, HOURS, None, True),  # for some hours
        ({"time_window": TimeWindow("09:00", "18:00")}, MAY, None, True),
        ({"time_window": TimeWindow("09:00", "17:00")}, IN_HOURS, None, False),  # the very same
        ({}, HOURS, None, False),
    ],
)
def test_a_policy_beside_it_must_not_void_a_condition(
    changes: dict[str, Any], policy: dict[str, Any], mark: str | None, refused: bool
) -> None:
    there = Overview(
        {policy["name"]: mark},
        {"uuid-api": ("AFFIRMATIVE", (policy["name"],))},
        {each["name"]: each for each in (MAY, HOURS, IN_HOURS, policy)},
    )
    found = plan([grant(**{**ASKS, **changes})], facts(LEGACY, permissions={"r": there})).faults
    assert bool(found) is refused and all(
        "may let 'frontend' through without this grant's conditions" in each for each in found
    )


@pytest.mark.parametrize(
    "changes", [{"required_roles": (RequiredRole("staff"),)}, {"time_window": TimeWindow("09:00", "18:00")}]
)
def test_of_two_legacy_grants_none_voids_the_others_condition(changes: dict[str, Any]) -> None:
    both = [grant(**ASKS), grant("other", **{**ASKS, **changes})]
    assert "grant 'g' always; agree on one" in plan(both, facts(LEGACY)).faults[0]
    assert plan([grant(**{**ASKS, **changes}), both[1]], facts(LEGACY)).faults == ()


def test_beside_others_that_must_match_too_it_is_no_help() -> None:
    found = plan([grant(**ASKS)], with_policies("UNANIMOUS", MAY, HOURS, attached=("Wer darf", "hours"))).faults
    assert len(found) == 1 and "holds the policies Wer darf, hours under UNANIMOUS" in found[0]


def scope(**changes: Any) -> AudienceScope:
    return replace(AudienceScope("to-api", "by hand", "api", (), in_token_scope=False, id="1"), **changes)


@pytest.mark.parametrize(
    ("changes", "found", "words"),
    [
        ({}, scope(), None),
        ({}, None, None),
        ({"required_roles": (RequiredRole("staff"),)}, scope(roles=(("", "staff"),)), None),
        ({"required_roles": (RequiredRole("staff"),)}, scope(), "asks for other roles (none) than requiredRoles"),
        ({}, scope(roles=(("api", "r"),)), "asks for other roles (api/r) than requiredRoles"),
        ({}, scope(included_client=None), "does not add exactly 'api' to aud"),
        ({}, scope(included_client=None, owner=f"{OWNER}#g"), None),
    ],
    ids=str,
)
def test_a_scope_that_is_named(changes: dict[str, Any], found: AudienceScope | None, words: str | None) -> None:
    there = replace(facts(STANDARD), scopes={("r", "to-api"): found} if found else {})
    spec = grant(scope="to-api", flows=("requester",), **changes)
    planned = plan([spec], there)
    assert any(words in fault for fault in planned.faults) if words else planned.faults == ()
    if not words:
        assert planned.grants[0].scope_clients == ("frontend",) and planned.grants[0].mappers == ()
        assert in_token_scope(planned.grants[0]) is (found.in_token_scope if found else bool(changes))


def test_what_a_named_scope_carries_opens_no_gate_of_its_own_grant() -> None:
    spec = grant(scope="to-api", flows=("requester",), required_roles=(RequiredRole("staff"),))
    assert questions([spec]).made == {("r", "to-api", "api")}
    assert questions([replace(spec, required_roles=())]).made == frozenset()
