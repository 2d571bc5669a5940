"""Authorization policies of every type: names for people, ids for Keycloak, and what is refused before a write."""

import json
from typing import Any

import pytest
from pulumi.output import UNKNOWN

from kcadmin.authz.named_policies import GroupItem, RoleItem, ScopeItem, read_items, shortest
from kcadmin.rest.errors import Refusal
from providers.aggregate_policy import AggregatePolicyProvider
from providers.base.provider import KeycloakProvider
from providers.client_scope_policy import ClientScopePolicyProvider
from providers.group_policy import GroupPolicyProvider
from providers.regex_policy import RegexPolicyProvider, pattern_fault
from providers.role_policy import RolePolicyProvider
from providers.script_policy import ScriptPolicyProvider
from providers.time_policy import TimePolicyProvider
from providers.user_policy import UserPolicyProvider
from tests.support.engine import Engine, Refused, forget
from tests.support.fake_server import SERVICES, FakeKeycloak

PLACE = {"realm": "r", "resource_server": "api", "name": "p"}
ID = "11111111-2222-3333-4444-55555555555{}"
WRITES = r"^(POST|PUT|DELETE) /admin/"


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    """A realm with two of each thing that a policy may name."""
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", api={SERVICES: True, "serviceAccountsEnabled": True}, frontend={})
    api = server.uuid("api")
    at = "/admin/realms/r"
    roles = [
        {"id": "r1", "name": "reader/all", "clientRole": False, "containerId": "r"},
        {"id": "r2", "name": "writer", "clientRole": True, "containerId": api},
    ]
    server.answers = {
        f"{at}/roles/reader%2Fall": roles[0],
        f"{at}/clients/{api}/roles/writer": roles[1],
        **{f"{at}/roles-by-id/{role['id']}": role for role in roles},
        f"{at}/group-by-path/staff": {"id": "g1", "path": "/staff"},
        f"{at}/group-by-path/staff/day%20shift": {"id": "g2", "path": "/staff/day shift"},
        f"{at}/groups/g1": {"id": "g1", "path": "/staff"},
        f"{at}/groups/g2": {"id": "g2", "path": "/staff/day shift"},
        f"{at}/users": [{"id": "u1", "username": "ann"}],
        f"{at}/users/u1": {"id": "u1", "username": "ann"},
        f"{at}/client-scopes": [{"id": "s1", "name": "email"}, {"id": "s2", "name": "profile"}],
    }
    for number, name in enumerate(("may", "may too")):
        policy = {"id": ID.format(number), "name": name, "type": "client", "logic": "POSITIVE", "clients": []}
        server.server("api")["policies"][policy["id"]] = policy
    return server


def stored(keycloak: FakeKeycloak) -> dict[str, Any]:
    return next(dict(each) for each in keycloak.server("api")["policies"].values() if each["name"] == "p")


KINDS: list[tuple[type[KeycloakProvider], dict[str, Any], dict[str, Any]]] = [
    (
        RolePolicyProvider,
        {"roles": ["reader/all", {"role": "writer", "client": "api", "required": True}]},
        {"roles": [{"id": "r1", "required": False}, {"id": "r2", "required": True}]},
    ),
    (
        GroupPolicyProvider,
        {"groups": ["/staff", {"path": "/staff/day shift", "extend_children": True}], "groups_claim": "groups"},
        {
            "groups": [{"id": "g1", "extendChildren": False}, {"id": "g2", "extendChildren": True}],
            "groupsClaim": "groups",
        },
    ),
    (UserPolicyProvider, {"users": ["Ann"]}, {"users": ["u1"]}),
    (
        ClientScopePolicyProvider,
        {"client_scopes": ["email", {"scope": "profile", "required": True}]},
        {"clientScopes": [{"id": "s1", "required": False}, {"id": "s2", "required": True}]},
    ),
    (
        TimePolicyProvider,
        {"hour": 0, "hour_end": 17, "minute": 0, "not_before": "2020-01-01 00:00:00"},
        {"hour": "0", "hourEnd": "17", "minute": "0", "notBefore": "2020-01-01 00:00:00"},
    ),
    (
        RegexPolicyProvider,
        {"target_claim": "scope", "pattern": ".*email.*"},
        {"targetClaim": "scope", "pattern": ".*email.*", "targetContextAttributes": False},
    ),
    (
        AggregatePolicyProvider,
        {"policies": [ID.format(0), "may too"], "decision_strategy": "CONSENSUS"},
        {"policies": [ID.format(0), "may too"], "decisionStrategy": "CONSENSUS"},
    ),
    (ScriptPolicyProvider, {"policy_type": "script-allow.js"}, {"type": "script-allow.js"}),
]


@pytest.mark.parametrize(("provider", "args", "written"), KINDS, ids=lambda each: getattr(each, "OBJECT", ""))
def test_names_are_written_as_ids_and_read_back_as_they_were_given(
    keycloak: FakeKeycloak, provider: type[KeycloakProvider], args: dict[str, Any], written: dict[str, Any]
) -> None:
    before = keycloak.state()
    engine = Engine(provider, keycloak.connection)
    assert engine.up(**PLACE, **args) == "create"
    assert {key: stored(keycloak).get(key) for key in written} == written
    forget()
    assert engine.refresh()
    assert {key: engine.outputs.get(key) for key in args} == args
    forget()
    assert engine.up(**PLACE, **args) == "same"
    engine.destroy()
    assert keycloak.state() == before


def test_items_written_otherwise_or_in_another_order_are_no_difference(keycloak: FakeKeycloak) -> None:
    engine = Engine(RolePolicyProvider, keycloak.connection)
    engine.up(**PLACE, roles=[{"role": "writer", "client": "api"}, "reader/all"])
    again = [{"role": "reader/all", "required": False}, {"client": "api", "role": "writer"}, "reader/all"]
    assert engine.up(**PLACE, roles=again) == "same"
    assert engine.up(**PLACE, roles=["reader/all"]) == "update"


def test_a_zero_that_goes_is_a_change(keycloak: FakeKeycloak) -> None:
    engine = Engine(TimePolicyProvider, keycloak.connection)
    engine.up(**PLACE, hour=0, minute=0)
    assert engine.up(**PLACE, hour=0) == "update" and "minute" not in stored(keycloak)


def test_what_a_put_would_keep_is_cleared_only_where_it_is(keycloak: FakeKeycloak) -> None:
    engine = Engine(RolePolicyProvider, keycloak.connection)
    engine.up(**PLACE, roles=["reader/all"])
    engine.up(**PLACE, roles=["reader/all"], description="d")
    assert "fetchRoles" not in stored(keycloak)
    engine.up(**PLACE, roles=["reader/all"], fetch_roles=True)
    engine.up(**PLACE, roles=["reader/all"])
    assert stored(keycloak)["fetchRoles"] is False


@pytest.mark.parametrize("adopt", [False, True])
@pytest.mark.parametrize(
    ("provider", "args", "names"),
    [
        (RolePolicyProvider, {"roles": ["no"]}, ["realm role 'no'"]),
        (
            RolePolicyProvider,
            {"roles": [{"role": "no", "client": "api"}, {"role": "writer", "client": "none"}]},
            ["role of client 'api' 'no'", "role of client 'none' 'writer'"],
        ),
        (GroupPolicyProvider, {"groups": ["/staff", "/no"]}, ["group '/no'"]),
        (ClientScopePolicyProvider, {"client_scopes": ["email", "no"]}, ["client scope 'no'"]),
        (
            AggregatePolicyProvider,
            {"policies": ["may", "no", ID.format(9)]},
            [f"policy '{ID.format(9)}'", "policy 'no'"],
        ),
    ],
)
def test_what_does_not_exist_is_named_before_a_write(
    keycloak: FakeKeycloak, provider: type[KeycloakProvider], args: dict[str, Any], names: list[str], adopt: bool
) -> None:
    if adopt:
        stranger = {
            "id": "p",
            "name": "p",
            "type": provider.OBJECT.split()[0],
            "logic": "NEGATIVE",
            "description": "theirs",
        }
        keycloak.server("api")["policies"]["p"] = stranger | {"decisionStrategy": "UNANIMOUS"}
    with pytest.raises(Refusal) as refused:
        Engine(provider, keycloak.connection).up(**PLACE, **args, adopt=adopt)
    told = str(refused.value).splitlines()
    assert [line.split(" in realm 'r': does not exist; create it")[0] for line in told] == names
    assert keycloak.asked(WRITES) == []


def test_a_user_who_is_not_there(keycloak: FakeKeycloak) -> None:
    keycloak.answers["/admin/realms/r/users"] = []
    with pytest.raises(
        Refusal, match=r"^user 'ann' in realm 'r': does not exist; create it, or correct user policy 'p'.$"
    ):
        Engine(UserPolicyProvider, keycloak.connection).up(**PLACE, users=["ann"])


def test_drift_is_shown_with_names(keycloak: FakeKeycloak) -> None:
    engine = Engine(RolePolicyProvider, keycloak.connection)
    engine.up(**PLACE, roles=["reader/all"])
    keycloak.server("api")["policies"][str(engine.id)]["roles"] = [{"id": "r2", "required": True}, {"id": "gone"}]
    forget()
    assert engine.refresh()
    assert engine.outputs["roles"] == [{"role": "writer", "client": "api", "required": True}]
    assert engine.up(**PLACE, roles=["reader/all"]) == "update"


def test_a_difference_is_told_in_words(keycloak: FakeKeycloak) -> None:
    stranger = {"id": "p", "name": "p", "type": "role", "logic": "POSITIVE", "roles": [{"id": "r2", "required": True}]}
    keycloak.server("api")["policies"]["p"] = stranger
    with pytest.raises(
        Refusal, match="differs, roles is 'api/writer \\(required\\)' instead of 'reader/all'; make them agree"
    ):
        Engine(RolePolicyProvider, keycloak.connection).up(**PLACE, roles=["reader/all"])


def test_an_adopted_policy_with_items_is_given_back(keycloak: FakeKeycloak) -> None:
    stranger = {"id": "p", "name": "p", "type": "role", "logic": "POSITIVE", "roles": [{"id": "r2", "required": True}]}
    keycloak.server("api")["policies"]["p"] = stranger
    engine = Engine(RolePolicyProvider, keycloak.connection)
    engine.up(**PLACE, roles=["reader/all"], adopt=True)
    assert stored(keycloak)["roles"] == [{"id": "r1", "required": False}]
    assert "api/writer" not in json.dumps(engine.outputs["was"]), "a note holds fields, not texts for people"
    forget()
    engine.destroy()
    assert stored(keycloak)["roles"] == [{"id": "r2", "required": True}]


def test_an_adopted_policy_keeps_its_note_when_a_change_is_refused(keycloak: FakeKeycloak) -> None:
    stranger = {"id": "p", "name": "p", "type": "role", "logic": "NEGATIVE", "roles": []}
    keycloak.server("api")["policies"]["p"] = stranger
    engine = Engine(RolePolicyProvider, keycloak.connection)
    engine.up(**PLACE, roles=["reader/all"], adopt=True)
    before = keycloak.state()
    with pytest.raises(Refusal, match="realm role 'no' in realm 'r': does not exist"):
        engine.up(**PLACE, roles=["no"], adopt=True, owner="org/project/new#test")
    assert keycloak.state() == before


def test_a_script_that_the_server_does_not_offer(keycloak: FakeKeycloak) -> None:
    engine = Engine(ScriptPolicyProvider, keycloak.connection)
    with pytest.raises(
        Refusal, match=r"is of type 'script-deny.js', which .*\(deployed scripts: script-allow.js\); put the"
    ):
        engine.up(**PLACE, policy_type="script-deny.js")
    assert keycloak.asked(WRITES) == []


def test_another_script_replaces_a_policy(keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(ScriptPolicyProvider, keycloak.connection)
    engine.up(**PLACE, policy_type="script-allow.js")
    monkeypatch.setattr("kcadmin.objects.resource_server.ResourceServer.policy_types", lambda _: ["script-deny.js"])
    assert engine.refresh(), "undeployed, the policy lives on"
    assert (
        engine.up(**PLACE, policy_type="script-deny.js") == "replace" and stored(keycloak)["type"] == "script-deny.js"
    )


# Refused by themselves


@pytest.mark.parametrize(
    ("provider", "args", "words"),
    [
        (RolePolicyProvider, {"roles": []}, "roles is empty; name at least one role"),
        (
            RolePolicyProvider,
            {"roles": "reader"},
            "roles is 'reader'; give a list of names, or of {role, client, required}",
        ),
        (RolePolicyProvider, {"roles": [{"client": "api"}]}, "give a list of names, or of {role, client, required}"),
        (RolePolicyProvider, {"roles": [{"role": "r", "optional": True}]}, "give a list of names, or of"),
        (RolePolicyProvider, {"roles": [{"role": "r", "required": "yes"}]}, "give a list of names, or of"),
        (
            RolePolicyProvider,
            {"roles": [{"role": "r", "client": "a\x00"}]},
            "roles holds '\\x00', which is not allowed",
        ),
        (GroupPolicyProvider, {"groups": []}, "groups is empty; name at least one group"),
        (UserPolicyProvider, {"users": []}, "users is empty; name at least one user"),
        (ClientScopePolicyProvider, {"client_scopes": []}, "client_scopes is empty; name at least one client scope"),
        (AggregatePolicyProvider, {"policies": []}, "policies is empty; name at least one policy"),
        (AggregatePolicyProvider, {"policies": ["p"]}, "policies holds 'p', which is itself; leave it out"),
        (
            AggregatePolicyProvider,
            {"policies": ["may"], "decision_strategy": "ONE"},
            "UNANIMOUS, AFFIRMATIVE, CONSENSUS",
        ),
        (ScriptPolicyProvider, {"policy_type": "client"}, "policy_type is 'client'; give script-<file>.js"),
        (TimePolicyProvider, {}, "it has no time, so it would match always; give hour, not_before or another"),
        (
            RegexPolicyProvider,
            {"target_claim": "scope", "pattern": "(a"},
            "in which a '(' is not closed, and would be an error 500",
        ),
    ],
)
def test_what_would_do_something_else_is_refused(
    keycloak: FakeKeycloak, provider: type[KeycloakProvider], args: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused) as refused:
        Engine(provider, keycloak.connection).up(**PLACE, **args)
    assert words in str(refused.value) and str(refused.value).startswith(f"{provider.OBJECT} 'p' in realm 'r': ")
    assert keycloak.requests == []


@pytest.mark.parametrize("provider", [row[0] for row in KINDS], ids=lambda each: each.OBJECT)
def test_what_is_not_known_yet_is_not_judged(keycloak: FakeKeycloak, provider: type[KeycloakProvider]) -> None:
    given = next(args for each, args, _ in KINDS if each is provider)
    args = {key: [UNKNOWN] if isinstance(value, list) else UNKNOWN for key, value in given.items()}
    assert not provider().use(keycloak.connection).check({}, {**PLACE, "owner": "o", **args}).failures


@pytest.mark.parametrize(
    "pattern",
    ["*a", "+", "?a", "(a", "a)", "(()", "[a", "[^]", "[]", "[a[b]", "a\\", "(a\\)", "[(])"],
)
def test_a_pattern_that_java_refuses(pattern: str) -> None:
    assert pattern_fault(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        ".*email.*",
        "(?<name>a)",
        "a*+",
        "[a[b]]",
        "[]a]",
        "[^]a]",
        "\\Q(\\E",
        "\\Q[",
        "[(]",
        "\\(",
        "(?x)a #(",
        "a{2,}",
        "^*",
        "[\\]]",
    ],
)
def test_a_pattern_that_java_takes(pattern: str) -> None:
    assert pattern_fault(pattern) is None


# Items


def test_items_are_read_in_order_and_once() -> None:
    given = ["b", {"role": "a", "client": "c"}, {"role": "b", "required": False}]
    assert read_items(RoleItem, given) == (RoleItem("a", "c"), RoleItem("b"))
    assert read_items(GroupItem, ["staff", "/staff"]) == (GroupItem("/staff"),)


@pytest.mark.parametrize(
    ("item", "form"),
    [
        (RoleItem("r"), "r"),
        (RoleItem("r", "c"), {"role": "r", "client": "c"}),
        (RoleItem("r", required=True), {"role": "r", "required": True}),
        (GroupItem("/g", True), {"path": "/g", "extend_children": True}),
        (ScopeItem("s"), "s"),
    ],
)
def test_the_shortest_form_of_an_item(item: RoleItem | GroupItem | ScopeItem, form: Any) -> None:
    assert shortest(item) == form and read_items(type(item), [form]) == (item,)
