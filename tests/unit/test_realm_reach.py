"""What a realm's state allows, on realms that no server has: every way in, every condition, every reason why not."""

import json
from dataclasses import replace
from typing import Any

import pytest

from kcadmin.guards.entries import Guards, guard_parts, merged
from kcadmin.guards.marks import new_mark
from kcadmin.guards.parts import MARK
from kcadmin.objects.features import STANDARD_FEATURE, Features
from reach.allowed import realm_reach
from reach.permissions import Decision, answer, combined
from reach.reasons import ANY_CLIENT, Reasoning
from reach.roles import RoleFacts
from reach.survey import Survey
from tests.support.mapper_kinds import kind
from tests.support.surveys import BOTH, STANDARD_ONLY, client, mapper, policy, simplified, survey

OPTIONAL_SCOPE = {
    "id": "s",
    "name": "to-c",
    "protocol": "openid-connect",
    "attributes": {"pulumi.owner": "o/p/s#g"},
    "protocolMappers": [mapper("c")],
}
NO_ROLES = RoleFacts()


def verdict(
    found: Survey, requester: str, source: str, audience: str | None = None, roles: RoleFacts = NO_ROLES
) -> Reasoning:
    return realm_reach(found, roles).verdict(requester, source, audience)


def test_the_standard_exchange_checks_both_tokens() -> None:
    found = survey(client("a", "b"), client("b", "c", switch=True), client("c"))
    allowed = verdict(found, "b", "a", "c")
    assert allowed.allowed and not allowed.conditions and allowed.exchange == "standard"
    assert [way.by for way in allowed.source_ways] == ["the audience mapper 'to b' of 'a'"]
    assert [way.by for way in allowed.audience_ways] == ["the audience mapper 'to c' of 'b'"]
    assert verdict(found, "b", "c", "c").why_not == ("tokens of 'c' do not have 'b' in aud",)
    assert verdict(found, "b", "a", "a").why_not == ("tokens of 'b' do not have 'a' in aud",)
    assert verdict(found, "b", "a", "b").why_not == ("tokens of 'b' do not have 'b' in aud",)
    assert verdict(found, "a", "a").why_not == ("the standard exchange of 'a' is switched off",)


def test_a_switch_that_the_server_does_not_heed_is_none() -> None:
    found = survey(client("a", "b"), client("b", switch=True), features=BOTH)
    assert verdict(found, "b", "a").exchange == "standard"
    old = survey(client("a", "b"), client("b", switch=True), features=type(BOTH)(False, True, True))
    assert verdict(old, "b", "a").exchange == "legacy" and verdict(old, "b", "a").allowed


def test_a_feature_that_is_switched_off_is_the_reason_and_not_the_switch() -> None:
    neither, legacy = type(BOTH)(False, False, False), type(BOTH)(False, True, True)
    off = "the server has no standard exchange (start Keycloak with --features=token-exchange-standard:v2)"
    found = survey(client("a", "b"), client("b", switch=True), features=neither)
    assert verdict(found, "b", "a").why_not == (off,)
    told = verdict(found, "a", "a").why_not
    assert told == ("the standard exchange of 'a' is switched off",)
    reach = realm_reach(found, NO_ROLES)
    (meant,) = reach.verdict("b", "a", None, "legacy").why_not
    assert meant.startswith("the server has no legacy exchange (start Keycloak with --features=token-exchange:v1,")
    assert realm_reach(replace(found, features=legacy), NO_ROLES).why_off("b", "standard") == off


@pytest.mark.parametrize(
    ("changes", "why_not"),
    [
        ({"enabled": False}, "'b' is disabled"),
        ({"publicClient": True}, "'b' is a public client"),
        ({"bearerOnly": True}, "'b' is bearer-only"),
        ({"protocol": "saml"}, "'b' is not an OpenID Connect client"),
    ],
)
def test_a_requester_that_cannot(changes: dict[str, Any], why_not: str) -> None:
    found = survey(client("a", "b"), client("b", switch=True, **changes))
    assert why_not in verdict(found, "b", "a").why_not
    assert list(realm_reach(found, NO_ROLES).rules()) == []


def test_audiences_and_sources_that_cannot() -> None:
    found = survey(client("a", "b", enabled=False), client("b", "c", "gone", switch=True), client("c", enabled=False))
    assert verdict(found, "b", "a").why_not == ("'a' is disabled",)
    assert verdict(found, "b", "b", "c").why_not == ("'c' is disabled",)
    assert verdict(found, "b", "b", "gone").why_not == ("there is no client 'gone'",)


@pytest.mark.parametrize(
    ("unknown", "why_not"), [((), ("'b' is disabled",)), ((STANDARD_FEATURE,), ())], ids=["since 26.2", "before"]
)
def test_a_disabled_target_of_the_legacy_exchange(unknown: tuple[str, ...], why_not: tuple[str, ...]) -> None:
    found = survey(
        client("a", enabled=True),
        client("b", enabled=False),
        policies=(policy("client", "p", "a"),),
        permissions={"b": ("p",)},
        features=Features(False, True, True, unknown),
    )
    assert verdict(found, "a", "a", "b").why_not == why_not
    assert [rule.audiences for rule in realm_reach(found, NO_ROLES).rules() if "b" in rule.audiences] == (
        [] if why_not else [{"b": verdict(found, "a", "a", "b").audience_ways}]
    )
    assert "'b' is disabled" in verdict(found, "b", "a").why_not


@pytest.mark.parametrize("judged", [True, False], ids=["since 26.0", "before"])
@pytest.mark.parametrize("held", [("p", "s"), ("p", "both")], ids=["beside", "within an aggregate"])
def test_a_client_scope_policy_breaks_the_permissions_of_an_old_server(judged: bool, held: tuple[str, ...]) -> None:
    found = survey(
        client("a"),
        client("b"),
        policies=(policy("client", "p", "a"), policy("client-scope", "s"), policy("aggregate", "both", "s")),
        permissions={"b": held},
        features=replace(BOTH, scope_policies=judged),
    )
    said = verdict(found, "a", "a", "b")
    assert said.allowed == judged and not said.conditions
    assert judged or said.why_not == ("no token-exchange permission of 'b' lets 'a' through",)


def test_consent_is_a_condition_of_the_standard_exchange_and_the_end_of_the_legacy_one() -> None:
    found = survey(client("a", "b"), client("b", switch=True, consentRequired=True))
    assert verdict(found, "b", "a").conditions == ("the user has consented to 'b'",)
    old = survey(
        client("a"),
        client("b", consentRequired=True),
        policies=(policy("client", "p", "a"),),
        permissions={"b": ("p",)},
        features=BOTH,
    )
    assert verdict(old, "a", "a", "b").why_not == ("'b' requires consent, which the legacy exchange refuses",)


def test_what_is_not_in_the_access_token_names_nobody() -> None:
    off = mapper("b", **{"access.token.claim": "false"})
    light = {"client.use.lightweight.access.token.enabled": "true"}
    lightly = mapper("b", **{"lightweight.claim": "true"})
    for source, allowed in (
        (client("a", off), False),
        (client("a", "b", attributes=light), False),
        (client("a", lightly, attributes=light), True),
        (client("a", mapper("", **{"included.custom.audience": "b"})), True),
        (client("a", mapper("c", **{"included.custom.audience": "b"})), False),
    ):
        assert verdict(survey(source, client("b", switch=True)), "b", "a").allowed == allowed


def test_a_client_scope_is_under_its_conditions() -> None:
    a, b = client("a", "b"), client("b", switch=True, optionalClientScopes=["to-c"])
    found = survey(a, b, client("c"), scopes={"to-c": OPTIONAL_SCOPE})
    roles = RoleFacts(scope_roles={"to-c": ("clerk", "c/boss")})
    said = verdict(found, "b", "a", "c", roles)
    assert said.conditions == ("the user has the role 'clerk' or 'c/boss'", "scope 'to-c' is asked for")
    assert said.audience_ways[0].owner == "o/p/s#g"
    assert simplified(realm_reach(found, roles)).allows("b", "a", "c")
    assert not simplified(realm_reach(found, roles), conditional=False).allows("b", "a", "c")


def test_users_roles_open_what_nothing_names() -> None:
    roles = RoleFacts(defined={"b": ("user",), "c": ("user",), "d": ("user",)}, client_clients={"a": frozenset("d")})
    found = survey(client("a"), client("b", switch=True, fullScopeAllowed=True), client("c"), client("d", switch=True))
    assert verdict(found, "b", "b", "c", roles).conditions == ("the user has a role of 'c'",)
    assert verdict(found, "d", "a", None, roles).conditions == ("the user has a role of 'd'",)
    assert verdict(found, "d", "c", None, roles).why_not == ("tokens of 'c' do not have 'd' in aud",)
    rules = {rule.requester: rule for rule in realm_reach(found, roles).rules()}
    assert rules["b"].role_audiences == {"c", "d"} and rules["d"].role_sources == {"a", "b"}
    assert not simplified(realm_reach(found, roles)).allows("b", "b", "c")


def test_a_mapped_composite_role_may_bring_any() -> None:
    roles = RoleFacts(defined={"b": ("user",)}, client_clients={"a": None})
    found = survey(client("a"), client("b", switch=True))
    assert verdict(found, "b", "a", None, roles).allowed


def test_the_legacy_exchange_does_not_check_whose_token_it_is() -> None:
    found = survey(
        client("a"),
        client("b"),
        client("x", publicClient=True),
        policies=(policy("client", "p", "a", "x", description="[pulumi:0123456789abcdef]"),),
        permissions={"b": ("p",)},
        features=BOTH,
    )
    said = verdict(found, "a", "x", "b")
    assert said.allowed and said.audience_ways[0].by == "the token-exchange permission of 'b', policy 'p'"
    assert said.audience_ways[0].owner == "0123456789abcdef"
    assert verdict(found, "x", "x", "b").allowed
    assert verdict(found, "x", "a", "b").why_not == ("'x' is a public client, which may exchange only its own tokens",)
    assert verdict(found, "b", "a", "a").why_not == ("no token-exchange permission of 'a' lets 'b' through",)
    assert [
        (rule.requester, [*rule.sources]) for rule in realm_reach(found, NO_ROLES).rules() if "b" in rule.audiences
    ] == [
        ("a", [ANY_CLIENT]),
        ("x", ["x"]),
    ]


def test_without_fine_grained_permissions_no_permission_counts() -> None:
    found = survey(
        client("a"),
        client("b"),
        policies=(policy("client", "p", "a"),),
        permissions={"b": ("p",)},
        features=type(BOTH)(True, True, False),
    )
    assert not verdict(found, "a", "a", "b").allowed


@pytest.mark.parametrize(
    "covers",
    [
        {"resources": '["client.resource.uuid-b"]', "scopes": '["token-exchange"]'},
        {"scopes": '["token-exchange"]'},
        {"defaultResourceType": "Client", "scopes": '["token-exchange"]'},
    ],
)
@pytest.mark.parametrize(
    ("held", "allowed", "when"),
    [
        ([], True, ()),
        (["p"], True, ()),
        (["not a"], False, ()),
        (["hours"], True, ("within the times of policy 'hours'",)),
    ],
)
def test_another_permission_that_covers_the_same_must_grant_too(
    covers: dict[str, str], held: list[str], allowed: bool, when: tuple[str, ...]
) -> None:
    more = {"name": "more", "type": "scope", "config": {**covers, "applyPolicies": json.dumps(held)}}
    of_others = {**more, "name": "others'", "config": {"scopes": '["manage"]', "applyPolicies": '["not a"]'}}
    found = survey(
        client("a"),
        client("b"),
        policies=(policy("client", "p", "a"), POLICIES["not a"], POLICIES["hours"], more, of_others),
        permissions={"b": ("p",)},
        features=BOTH,
    )
    said = verdict(found, "a", "a", "b")
    assert said.allowed is allowed and (said.conditions if allowed else ()) == when


POLICIES = {
    each["name"]: each
    for each in (
        policy("client", "a", "a"),
        policy("client", "not a", "a", logic="NEGATIVE"),
        policy("client", "ab", "a", "b"),
        policy("time", "hours"),
        policy("time", "out of hours", logic="NEGATIVE"),
        policy("role", "role"),
        policy("user", "user"),
        policy("user", "not user", logic="NEGATIVE"),
        policy("aggregate", "both", "a", "hours", decisionStrategy="UNANIMOUS"),
        policy("aggregate", "neither", "ab", logic="NEGATIVE", decisionStrategy="UNANIMOUS"),
        policy("aggregate", "ring", "ring", decisionStrategy="UNANIMOUS"),
        policy("script-x.js", "script"),
    )
}


@pytest.mark.parametrize(
    ("name", "client_id", "yes", "when"),
    [
        ("a", "a", True, ()),
        ("a", "b", False, ()),
        ("a", None, False, ()),
        ("not a", "a", False, ()),
        ("not a", None, True, ()),
        ("hours", "a", None, ("within the times of policy 'hours'",)),
        ("out of hours", "a", None, ("not: within the times of policy 'out of hours'",)),
        ("role", "a", None, ("its service account has the roles of role policy 'role'",)),
        ("user", "a", False, ()),
        ("not user", None, True, ()),
        ("both", "a", None, ("within the times of policy 'hours'",)),
        ("both", "b", False, ()),
        ("neither", "b", False, ()),
        ("neither", None, True, ()),
        ("ring", "a", None, ("policy 'ring' grants, which cannot be read",)),
        ("script", "a", None, ("script-x.js policy 'script' grants",)),
        ("gone", "a", None, ("policy 'gone' grants, which cannot be read",)),
    ],
)
def test_what_a_policy_says(name: str, client_id: str | None, yes: bool | None, when: tuple[str, ...]) -> None:
    said = answer(POLICIES, name, client_id)
    assert (said.yes, said.when) == (yes, when)


YES, NO, MAYBE = Decision(True, ("y",)), Decision(False, ("n",)), Decision(None, ("m",), ("it rains",))


@pytest.mark.parametrize(
    ("strategy", "answers", "yes"),
    [
        ("AFFIRMATIVE", [NO, YES], True),
        ("AFFIRMATIVE", [NO, MAYBE], None),
        ("AFFIRMATIVE", [YES, NO, MAYBE], True),
        ("AFFIRMATIVE", [NO], False),
        ("AFFIRMATIVE", [], False),
        ("UNANIMOUS", [YES, NO], False),
        ("UNANIMOUS", [YES, MAYBE], None),
        ("UNANIMOUS", [MAYBE, NO], False),
        ("UNANIMOUS", [YES, YES], True),
        ("UNANIMOUS", [], False),
        ("CONSENSUS", [YES, NO], False),
        ("CONSENSUS", [YES, YES, NO], True),
        ("CONSENSUS", [YES, MAYBE], None),
        ("CONSENSUS", [YES, YES, MAYBE], True),
        ("CONSENSUS", [YES, NO, MAYBE], None),
        ("CONSENSUS", [NO, MAYBE], False),
        ("CONSENSUS", [NO, NO, YES], False),
    ],
)
def test_what_policies_say_together(strategy: str, answers: list[Decision], yes: bool | None) -> None:
    said = combined(strategy, answers)
    assert said.yes is yes and bool(said.when) == (yes is None)


def guarded(guards: Guards, **change: Any) -> Survey:
    """a → b → c, b guarded; ``change``: of each client policy, by hand."""
    mine = guard_parts(guards, {name: f"mark-{name}" for name in guards.marked})
    lists = {kind: merged(kind, [], mine, "o/p/s") for kind in ("policies", "profiles")}
    return survey(
        client("a", "b"),
        client("b", "c", switch=True, attributes={"pulumi.exchange.requester": "mark-b"}),
        client("c", "b"),
        client("d", "c", switch=True),
        client_policies=tuple({**each, **change} for each in lists["policies"]),
        client_profiles=tuple(lists["profiles"]),
    )


def test_guards_are_judged() -> None:
    found = guarded(Guards(("b",), {"b": ("a",)}, (), {"b": {"team": "x.*"}}))
    assert verdict(found, "b", "a", "c").conditions == ("the user's claim team matches 'x.*'",)
    assert verdict(found, "b", "c").why_not == ("the guard on sources does not let 'b' exchange tokens of 'c'",)
    assert verdict(found, "d", "d", "c").why_not == ("the guard on requesters does not let 'd' exchange",)
    assert realm_reach(found, NO_ROLES).guards.unjudged == ()
    narrow = guarded(Guards(no_wider_scopes=("b",)))
    assert verdict(narrow, "b", "a", "c").why_not == ("tokens of 'b' do not have 'c' in aud",)
    assert verdict(narrow, "b", "a").conditions == ("no scope is wider than the subject token's",)


def test_a_borrowed_mark_passes_and_is_named() -> None:
    mark = new_mark("uuid-b")
    mine = guard_parts(Guards(("b",)), {"b": mark})
    found = survey(
        client("a", "b"),
        replace(client("b", switch=True, attributes={MARK: mark}), uuid="uuid-b"),
        client("d", switch=True, attributes={MARK: mark}),
        client_policies=tuple(merged("policies", [], mine, "o/p/s")),
        client_profiles=tuple(merged("profiles", [], mine, "o/p/s")),
    )
    assert verdict(found, "d", "d").allowed
    (told,) = realm_reach(found, NO_ROLES).guards.unjudged
    assert told.startswith("client 'd': has a mark that was made for another client") and mark not in told


def test_a_guard_on_scopes_checks_whose_token_it_is() -> None:
    mine = guard_parts(Guards(scopes={"b": {"to-c": ("a",)}}), {"b": "mark-b"})
    found = survey(
        client("a", "b"),
        client("b", switch=True, attributes={MARK: "mark-b"}, optionalClientScopes=["to-c"]),
        client("c"),
        client("d", "b"),
        scopes={"to-c": OPTIONAL_SCOPE},
        client_policies=tuple(merged("policies", [], mine, "o/p/s")),
        client_profiles=tuple(merged("profiles", [], mine, "o/p/s")),
    )
    assert verdict(found, "b", "a", "c").conditions == ("scope 'to-c' is asked for",)
    refused = "the guard on scopes does not let 'b' ask for 'c' with tokens of 'd'"
    assert verdict(found, "b", "d", "c").why_not == (refused,)
    assert verdict(found, "b", "a", "d").why_not == ("tokens of 'b' do not have 'd' in aud",)
    assert verdict(found, "b", "d").allowed
    reach = realm_reach(found, NO_ROLES)
    assert simplified(reach).allows("b", "a", "c") and not simplified(reach).allows("b", "d", "c")
    (rule,) = reach.rules()
    (way,) = rule.audiences["c"]
    assert way.when == ("scope 'to-c' is asked for", "the token is one of 'a'")


def test_policies_of_others_and_changed_guards_are_judged_by_what_they_do() -> None:
    changed = guarded(Guards(("b",)), conditions=[])  # then it holds for nobody
    assert verdict(changed, "d", "d", "c").allowed and realm_reach(changed, NO_ROLES).guards.unjudged == ()
    off = guarded(Guards(("b",)), enabled=False)
    assert verdict(off, "d", "d", "c").allowed and realm_reach(off, NO_ROLES).guards.unjudged == ()
    hidden = survey(client("a"), client_policies=None, features=STANDARD_ONLY)
    assert "may not read them" in realm_reach(hidden, NO_ROLES).guards.unjudged[0]


@pytest.mark.parametrize(
    ("version", "condition", "executor", "refused", "when"),
    [
        ((26, 7), "any-client", "reject-request", True, None),
        ((26, 7), "any-client", "their-own", False, "client policy 'p' (profile 'q', their-own) lets it through"),
        ((26, 7), "any-client", "pkce-enforcer", False, None),
        (
            (26, 7),
            "their-own",
            "reject-request",
            False,
            "client policy 'p' (profile 'q', reject-request) lets it through",
        ),
        ((26, 7), "their-own", "pkce-enforcer", False, None),
        ((26, 7), "client-updater-context", "reject-request", False, None),
        ((26, 7), "client-type", "reject-request", True, None),
        ((26, 2), "client-type", "reject-request", False, None),
        (
            None,
            "client-type",
            "reject-request",
            False,
            "client policy 'p' (profile 'q', reject-request) lets it through",
        ),
    ],
)
def test_a_client_policy_by_condition_executor_and_version(
    version: tuple[int, ...] | None, condition: str, executor: str, refused: bool, when: str | None
) -> None:
    found = survey(
        client("a", "b"),
        client("b", switch=True),
        features=replace(STANDARD_ONLY, version=version),
        client_policies=(
            {
                "name": "p",
                "enabled": True,
                "conditions": [{"condition": condition, "configuration": {"protocol": "openid-connect"}}],
                "profiles": ["q"],
            },
        ),
        client_profiles=({"name": "q", "executors": [{"executor": executor, "configuration": {}}]},),
    )
    said = verdict(found, "b", "a")
    assert said.allowed != refused and said.conditions == ((when,) if when else ())
    if refused:
        assert said.why_not == ("client policy 'p' (profile 'q', reject-request) refuses each exchange of 'b'",)


def test_rules_are_what_verdicts_say() -> None:
    found = survey(
        client("a", "b", "d"),
        client("b", "c", switch=True),
        client("c", "d"),
        client("d"),
        client("e", publicClient=True),
        policies=(policy("client", "not d", "d", logic="NEGATIVE"),),
        permissions={"a": ("not d",)},
        features=BOTH,
    )
    reach = realm_reach(found, NO_ROLES)
    by_rules = {
        (rule.requester, source, audience)
        for rule in reach.rules()
        for held in rule.sources
        for source in (found.clients if held == ANY_CLIENT else [held])
        for audience in rule.audiences
    }
    by_verdicts = {
        (requester, source, audience)
        for requester in found.clients
        for source in found.clients
        for audience in (None, *found.clients)
        if audience != requester and reach.verdict(requester, source, audience).allowed
    }
    assert by_rules == by_verdicts and ("c", "e", "a") in by_rules and ("e", "c", "a") not in by_rules


def test_a_token_that_says_to_be_another_client_s() -> None:
    """Keycloak takes it for that client's own where the user is logged in there, too; it names nobody for that."""
    fixed = {"id": "f", "name": "f", **kind("oidc-hardcoded-claim-mapper", claim_name="azp", claim_value="b")}
    found = survey(client("a", fixed), client("b", "c", switch=True), client("c", switch=True))
    allowed = verdict(found, "b", "a", "c")
    assert allowed.allowed and allowed.conditions == ("its user is logged in to 'b', too",)
    assert [way.by for way in allowed.source_ways] == [
        "the mapper 'f' of type oidc-hardcoded-claim-mapper of 'a', which writes azp"
    ]
    (rule,) = realm_reach(found, NO_ROLES).rules(["b"])
    assert "a" in rule.sources and not verdict(found, "c", "a").allowed


def test_authorization_services_of_a_requester_are_not_judged() -> None:
    on = {"authorizationServicesEnabled": True}
    found = survey(client("a"), client("b", switch=True, **on), client("c", **on), features=STANDARD_ONLY)
    (told,) = realm_reach(found, NO_ROLES).unjudged
    assert told.startswith("authorization services of 'b': give whoever holds a token and gets a permission there")


def test_a_mapper_at_which_keycloak_fails_keeps_tokens_from_being_made() -> None:
    broken = {"id": "m", "name": "m", "protocolMapper": "oidc-hardcoded-role-mapper", "config": {}}
    scope = {"id": "s", "name": "s", "protocol": "openid-connect", "protocolMappers": [broken]}
    fails = "Keycloak fails (500) to make tokens of '{0}': the mapper 'm' of type oidc-hardcoded-role-mapper"
    whole = client("b", switch=True)
    of_source = verdict(survey(client("a", "b", broken), whole), "b", "a")
    assert of_source.why_not == (f"{fails.format('a')} of 'a' has no 'role'",)
    found = survey(client("a", "b"), client("b", broken, switch=True))
    assert verdict(found, "b", "a").why_not == (f"{fails.format('b')} of 'b' has no 'role'",)
    assert [*realm_reach(found, NO_ROLES).rules()] == []
    gated = survey(client("a", "b", optionalClientScopes=["s"]), whole, scopes={"s": scope})
    (phrase,) = verdict(gated, "b", "a", roles=RoleFacts(scope_roles={"s": ()})).conditions
    assert phrase.startswith("no token of 'a' is made where scope 's' is asked for, at which Keycloak fails: ")
    noted = {**broken, "protocolMapper": "oidc-usersessionmodel-note-mapper"}
    assert verdict(survey(client("a", "b", noted), whole), "b", "a").allowed  # it does not act
    noted["config"] = {"access.token.claim": "true"}
    assert not verdict(survey(client("a", "b", noted), whole), "b", "a").allowed


@pytest.mark.parametrize(
    ("kind", "refused"), [("Default", True), ("Any", True), ("Optional", False), ("default", False), ("ANY", False)]
)
def test_a_condition_on_client_scopes_is_read_as_keycloak_reads_its_type(kind: str, refused: bool) -> None:
    """Each of these was tried on Keycloak 26.7.3: of another spelling it never holds."""
    condition = {"condition": "client-scopes", "configuration": {"type": kind, "scopes": ["roles"]}}
    found = survey(
        client("a", "b"),
        client("b", switch=True),
        features=replace(STANDARD_ONLY, version=(26, 7)),
        client_policies=({"name": "p", "enabled": True, "conditions": [condition], "profiles": ["q"]},),
        client_profiles=({"name": "q", "executors": [{"executor": "reject-request", "configuration": {}}]},),
    )
    assert verdict(found, "b", "a").allowed is not refused
