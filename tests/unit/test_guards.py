"""Guards from declaration to entries, merged into lists that others write too; and writers that meet on a server."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.output import UNKNOWN

from kcadmin.guards import client_policies
from kcadmin.guards.client_policies import LOOKS, POLICIES, PROFILES, Entry, entries, write_until_kept
from kcadmin.guards.entries import (
    CLAIM_ENFORCER,
    DOWNSCOPE,
    Guards,
    guard_drift,
    guard_parts,
    label_of,
    merged,
    pattern_conflicts,
    sources_by_requester,
)
from kcadmin.guards.faults import guard_faults, guard_type_faults
from kcadmin.guards.marks import computed_mark, is_own, new_mark, renewed
from kcadmin.guards.parts import MARK, GuardPart, held_parts
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Refusal
from providers.exchange_guards import ExchangeGuardsProvider
from tests.support.engine import Engine, Refused, forget
from tests.support.examples import examples
from tests.support.fake_server import Answer, FakeKeycloak, Request

QUICK = examples(60)
MARKS = {"api": "m-api", "frontend": "m-frontend"}
NAME = "pulumi.exchange.requesters"
OTHERS: list[dict[str, Any]] = [
    {"name": "theirs", "enabled": True, "mode": "STRICT", "conditions": [], "profiles": []},
    {"name": "pulumi.exchange.odd", "description": "named like ours, and not ours", "enabled": False},
]


def built(kind: str, guards: Guards) -> dict[str, Any]:
    """The entries of one owner alone, by name."""
    return {str(entry["name"]): entry for entry in merged(kind, [], guard_parts(guards, MARKS), "o")}


# Entries


def test_requesters_are_all_that_bear_a_mark() -> None:
    guards = Guards(requesters=("api", "frontend"))
    policy, profile = built(POLICIES, guards)[NAME], built(PROFILES, guards)[NAME]
    grant_type, *marks = policy["conditions"]
    assert grant_type["configuration"]["grant_types"] == ["urn:ietf:params:oauth:grant-type:token-exchange"]
    assert [each["configuration"]["is-negative-logic"] for each in marks] == [True, True]
    assert [json.loads(each["configuration"]["attributes"]) for each in marks] == [
        [{"key": MARK, "value": mark}] for mark in ("m-api", "m-frontend")
    ]
    assert policy["enabled"] is True and policy["profiles"] == [NAME]
    assert profile["executors"] == [
        {"executor": CLAIM_ENFORCER, "configuration": {"claim-name": NAME, "allowed-value": "(?!)"}}
    ]


def test_other_guards_are_for_the_one_requester_with_the_mark() -> None:
    guards = Guards(None, {"api": ("b.c", "a")}, ("api",), {"api": {"email": ".*"}})
    for policy in built(POLICIES, guards).values():
        (mark,) = policy["conditions"][1:]
        assert mark["configuration"]["is-negative-logic"] is False
        assert json.loads(mark["configuration"]["attributes"]) == [{"key": MARK, "value": "m-api"}]
    executors = {name.split(".")[2]: profile["executors"] for name, profile in built(PROFILES, guards).items()}
    assert executors == {
        "sources": [
            {"executor": CLAIM_ENFORCER, "configuration": {"claim-name": "azp", "allowed-value": r"^(a|b\.c)$"}}
        ],
        "no-wider-scopes": [{"executor": DOWNSCOPE, "configuration": {}}],
        "user": [{"executor": CLAIM_ENFORCER, "configuration": {"claim-name": "email", "allowed-value": ".*"}}],
    }


def test_a_scope_that_is_asked_for_is_for_its_sources_alone() -> None:
    guards = Guards(scopes={"api": {"to-b": ("a",), "to-c": ("api",)}})
    assert guards.clients == ("a", "api") and guards.conditions[-1] == "client-scopes"
    policies, profiles = built(POLICIES, guards), built(PROFILES, guards)
    for scope, source in (("to-b", "a"), ("to-c", "api")):
        (name,) = [name for name in policies if f".{scope}." in name]
        *_, mark, asked = policies[name]["conditions"]
        assert json.loads(mark["configuration"]["attributes"]) == [{"key": MARK, "value": "m-api"}]
        assert asked["configuration"] == {"is-negative-logic": False, "type": "Optional", "scopes": [scope]}
        (executor,) = profiles[name]["executors"]
        assert executor["configuration"] == {"claim-name": "azp", "allowed-value": f"^({source})$"}


@QUICK
@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.text(min_size=1))
def test_sources_match_their_names_and_no_other(names: list[str], other: str) -> None:
    guards = Guards(sources={"api": tuple(names)})
    (profile,) = built(PROFILES, guards).values()
    pattern = profile["executors"][0]["configuration"]["allowed-value"]
    assert all(re.fullmatch(pattern, name) for name in names)
    assert other in names or not re.fullmatch(pattern, other)
    assert held_parts(profile) == {"o": next(iter(guard_parts(guards, MARKS).values()))}


def test_a_mark_is_random_and_names_its_client_alone() -> None:
    one, again = new_mark("one"), new_mark("one")
    assert one != again and is_own(one, "one") and is_own(again, "one")
    assert not is_own(one, "two") and not is_own(None, "one") and not is_own(computed_mark("m", "one"), "one")
    assert label_of(one) == label_of(again) != label_of(new_mark("two"))
    secret = one.partition("-")[2]
    mine = guard_parts(Guards(("api",), {"api": ("a",)}, ("api",), {"api": {"email": "x"}}), {"api": one})
    assert len(secret) == 32 and secret not in str(list(mine))  # names of entries stand in messages


def test_planned_flows_as_sources() -> None:
    flows = [("api", "frontend"), ("frontend", "frontend"), ("api", "mobile"), ("api", "frontend")]
    assert sources_by_requester(flows) == {"api": ("frontend", "mobile"), "frontend": ("frontend",)}
    assert sources_by_requester([]) == {}


# Merging

OWNERS = ("one", "two", "three")
DECLARED = st.builds(
    Guards,
    requesters=st.none() | st.sampled_from([("api",), ("frontend",), ("api", "frontend")]),
    sources=st.dictionaries(st.sampled_from(["api", "frontend"]), st.sampled_from([("a",), ("b",), ("a", "b")])),
    no_wider_scopes=st.sampled_from([(), ("api",)]),
    user_claims=st.dictionaries(st.just("api"), st.dictionaries(st.just("email"), st.just("x"), min_size=1)),
    scopes=st.dictionaries(st.just("api"), st.dictionaries(st.just("to-b"), st.just(("a",)), min_size=1)),
)


@QUICK
@given(st.sampled_from([POLICIES, PROFILES]), st.lists(st.tuples(st.sampled_from(OWNERS), DECLARED)))
def test_whoever_comes_and_goes_others_stay_as_they_are(kind: str, events: list[tuple[str, Guards]]) -> None:
    now: list[Any] = [dict(entry) for entry in OTHERS]
    declared: dict[str, Mapping[str, GuardPart]] = {}
    for owner, guards in events:
        mine = {} if owner in declared else guard_parts(guards, MARKS)  # comes, or goes again
        before = declared.pop(owner, {})
        now = merged(kind, now, mine, owner, leaving={owner}, ours=before)
        if mine:
            declared[owner] = mine
        assert now[: len(OTHERS)] == OTHERS
        held = {name: who for entry in now for name, who in [(entry["name"], held_parts(entry))] if who}
        wanted = {name for each in declared.values() for name in each}
        assert held == {name: {who: of[name] for who, of in declared.items() if name in of} for name in wanted}
        for who, of in declared.items():
            assert list(guard_drift(kind, now, of, who)) == []
            assert merged(kind, now, of, who, leaving={who}) == now  # nothing to write
    for owner, mine in declared.items():
        now = merged(kind, now, {}, owner, leaving={owner}, ours=mine)
    assert now == OTHERS


def test_parts_of_several_owners_add_up() -> None:
    now = merged(PROFILES, [], guard_parts(Guards(sources={"api": ("a",)}), MARKS), "one")
    now = merged(PROFILES, now, guard_parts(Guards(sources={"api": ("b",)}), MARKS), "two")
    assert now[0]["executors"][0]["configuration"]["allowed-value"] == "^(a|b)$"
    now = merged(POLICIES, [], guard_parts(Guards(requesters=("api",)), MARKS), "one")
    now = merged(POLICIES, now, guard_parts(Guards(requesters=("frontend",)), MARKS), "two")
    assert len(now[0]["conditions"]) == 3


def test_fields_that_we_do_not_know_stay() -> None:
    mine = guard_parts(Guards(requesters=("api",)), MARKS)
    (entry,) = merged(POLICIES, [], mine, "o")
    assert merged(POLICIES, [{**entry, "enabled": False, "new": 1}], mine, "o") == [{**entry, "new": 1}]


@QUICK
@given(st.sampled_from([POLICIES, PROFILES]), st.dictionaries(st.sampled_from(OWNERS), DECLARED, min_size=1))
def test_computed_marks_give_way_in_every_owners_part(kind: str, declared: dict[str, Guards]) -> None:
    """With both marks in between: each bearer of the old or of the new one is judged as before."""
    old = {name: computed_mark("management", name) for name in MARKS}
    new = {name: new_mark(name) for name in MARKS}
    by_old = {old[name]: new[name] for name in MARKS}
    before: list[Any] = [dict(entry) for entry in OTHERS]
    wanted: list[Any] = [dict(entry) for entry in OTHERS]
    for owner, guards in declared.items():
        before = merged(kind, before, guard_parts(guards, old), owner)
        wanted = merged(kind, wanted, guard_parts(guards, new), owner)
    both = renewed(kind, before, by_old, keep=True)
    assert renewed(kind, both, by_old, keep=True) == both
    for after in (renewed(kind, before, by_old, keep=False), renewed(kind, both, by_old, keep=False)):
        assert sorted(after, key=str) == sorted(wanted, key=str)
    if kind == POLICIES:
        for name in MARKS:
            assert judged(both, old[name]) == judged(before, old[name]) == judged(wanted, new[name])
            assert judged(both, new[name]) == judged(wanted, new[name])


def judged(policies: list[Any], mark: str) -> set[str]:
    """The kinds of guard, with what they say, that act on a client with that mark."""
    return {
        f"{part.kind} {part.claim} {part.allowed}"
        for policy in policies
        for part in held_parts(policy).values()
        if all(
            (json.loads(each["configuration"]["attributes"]) == [{"key": MARK, "value": mark}])
            != each["configuration"]["is-negative-logic"]
            for each in policy["conditions"]
            if each["condition"] == "client-attributes"
        )
    }


@pytest.mark.parametrize("description", ["", "edited", "Guard of token exchange, made by Pulumi. Parts by owner: {"])
def test_an_entry_of_ours_whose_description_is_gone_goes_with_us(description: str) -> None:
    mine = guard_parts(Guards(requesters=("api",)), MARKS)
    broken = [{**merged(POLICIES, [], mine, "o")[0], "description": description}]
    assert held_parts(broken[0]) == {}
    assert merged(POLICIES, broken, {}, "o", leaving={"o"}, ours=mine) == []
    assert merged(POLICIES, broken, {}, "another", leaving={"another"}) == broken
    assert list(guard_drift(POLICIES, broken, mine, "o")) == [
        f"client policy '{NAME}' does not hold the part of 'o' as declared"
    ]


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        (POLICIES, None, f"client policy '{NAME}' is gone"),
        (POLICIES, {"enabled": False}, f"client policy '{NAME}' is disabled"),
        (POLICIES, {"conditions": []}, f"client policy '{NAME}' has other conditions"),
        (POLICIES, {"profiles": []}, f"client policy '{NAME}' has other profiles"),
        (PROFILES, {"executors": []}, f"client profile '{NAME}' has other executors"),
    ],
)
def test_drift_says_what_was_changed(kind: str, change: dict[str, Any] | None, says: str) -> None:
    mine = guard_parts(Guards(requesters=("api",)), MARKS)
    now = [] if change is None else [{**merged(kind, [], mine, "o")[0], **change}]
    assert list(guard_drift(kind, now, mine, "o")) == [says]


def test_two_patterns_for_one_claim_are_a_conflict_and_shut_both() -> None:
    one = guard_parts(Guards(user_claims={"api": {"email": "a"}}), MARKS)
    two = guard_parts(Guards(user_claims={"api": {"email": "b"}}), MARKS)
    now = merged(PROFILES, [], one, "one")
    assert list(pattern_conflicts(now, one, {"two"})) == list(pattern_conflicts(now, two, {"one"})) == []
    (conflict,) = pattern_conflicts(now, two, {"two"})
    assert conflict.startswith("user_claims has 'b' for email, and 'one' has 'a' for the same requester;")
    both = merged(PROFILES, now, two, "two")[0]["executors"]
    assert [each["configuration"]["allowed-value"] for each in both] == ["a", "b"]


# What is refused


@pytest.mark.parametrize(
    ("guards", "says"),
    [
        (Guards(), "guards nothing"),
        (Guards(requesters=()), "requesters is empty, which would refuse every exchange"),
        (Guards(requesters=("api",), no_wider_scopes=("b",)), "'b' is guarded but not one of requesters"),
        (Guards(sources={"api": ()}), "sources of 'api' is empty"),
        (Guards(user_claims={"api": {}}), "user_claims of 'api' is empty"),
        (Guards(user_claims={"api": {"azp": "x"}}), "has the claim azp, which names a client; use sources"),
        (Guards(user_claims={"api": {"realm_access.roles": "x"}}), "'realm_access.roles', but Keycloak compares only"),
        (Guards(user_claims={"api": {"aud": "x"}}), "'aud', but Keycloak compares only"),
    ],
)
def test_what_would_not_guard_is_refused(guards: Guards, says: str) -> None:
    (fault,) = guard_faults(guards)
    assert says in fault and ";" in fault


@pytest.mark.parametrize(
    "pattern", ["^(alice|bob)$", ".*@example[.]com", r"a\.b\-c", "[A-Za-z0-9_-]{3,10}", r"(?:x|\d+)?"]
)
def test_plain_patterns(pattern: str) -> None:
    assert list(guard_faults(Guards(user_claims={"api": {"email": pattern}}))) == []


@pytest.mark.parametrize(
    "pattern",
    ["", "(", "*a", "a{", "{a}", "[[a]]", "[a&&b]", r"\p{L}", r"\Qa\E", "(?i)a", "(?P<n>a)", "(?=a)", r"a\1", "[b-a]"],
)
def test_patterns_that_java_reads_otherwise(pattern: str) -> None:
    """An empty one would let every value through, a broken one would answer 500 to each exchange."""
    (fault,) = guard_faults(Guards(user_claims={"api": {"email": pattern}}))
    assert f"has the pattern '{pattern}' for email" in fault


@pytest.mark.parametrize(
    "declared",
    [
        {"sources": ["a"]},
        {"sources": {"api": "a"}},
        {"user_claims": {"api": ".*"}},
        {"user_claims": {"api": {"a": 1}}},
        {"scopes": {"api": ["s"]}},
        {"scopes": {"api": {"s": "a"}}},
    ],
)
def test_maps_of_another_shape_are_refused(declared: dict[str, Any]) -> None:
    assert len(guard_type_faults(declared)) == 1


# On a server


class Server(FakeKeycloak):
    """A fake with the two lists, and what a server says that it has of conditions and executors."""

    def __init__(self) -> None:
        super().__init__()
        self.lists: dict[str, list[Any]] = {POLICIES: [], PROFILES: []}
        self.executors = (CLAIM_ENFORCER, DOWNSCOPE)
        self.policies_on = True

    def handle(self, request: Request) -> Answer:
        answer = super().handle(request)
        if request.path != "/admin/serverinfo" or answer.status != 200:
            return answer
        named = {"condition": ("grant-type", "client-attributes"), "executor": self.executors}
        providers = {f"client-policy-{what}": {"providers": dict.fromkeys(names)} for what, names in named.items()}
        return Answer(
            200, {"features": [{"name": "CLIENT_POLICIES", "enabled": self.policies_on}], "providers": providers}
        )

    def _clients(self, clients: dict[str, dict[str, Any]], rest: list[str], request: Request) -> Answer:
        if "/client-policies/" not in request.path:
            return super()._clients(clients, rest, request)
        (kind,) = rest
        if request.method == "GET":
            return Answer(200, json.loads(json.dumps({kind: self.lists[kind]})))
        known = {each["name"] for each in self.lists[PROFILES]}
        for policy in request.body[kind] if kind == POLICIES else ():
            for profile in set(policy.get("profiles", ())) - known:
                says = f"Policy {policy['name']} contains invalid profile {profile}"
                return Answer(400, {"errorMessage": says})
        self.lists[kind] = request.body[kind]
        return Answer(204)

    def names(self, kind: str = POLICIES) -> list[str]:
        return [str(each["name"]) for each in self.lists[kind]]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(client_policies, "JITTER_SECONDS", 0)
    server = Server()
    server.add_realm("r", api={}, frontend={})
    return server


@pytest.fixture
def realm(server: Server) -> Realm:
    return Realm(server.session(), "r")


def add(*names: str) -> Callable[[Sequence[Entry]], list[Entry]]:
    return lambda now: [*now, *({"name": name} for name in names if name not in [each["name"] for each in now])]


def test_nothing_to_change_is_one_read_and_no_write(server: Server, realm: Realm) -> None:
    server.lists[POLICIES] = [{"name": "a"}]
    write_until_kept(realm, (POLICIES, add("a")))
    assert [request.method for request in server.asked("client-policies")] == ["GET"]


def test_a_change_is_read_again_three_times(server: Server, realm: Realm) -> None:
    write_until_kept(realm, (PROFILES, add("a")), (POLICIES, add("a")))
    methods = [request.method for request in server.asked("client-policies")]
    assert methods == ["GET", "PUT", "GET", "PUT", *["GET"] * 2 * LOOKS]


def test_what_another_writer_dropped_is_written_again_with_what_it_wrote(server: Server, realm: Realm) -> None:
    def another(request: Request) -> None:
        server.lists[POLICIES] = [{"name": "another's, of before ours"}]

    for late in range(LOOKS):
        server.lists[POLICIES] = []
        server.interfere(*[lambda request: None] * (1 + late), another, at="GET .*/policies")
        write_until_kept(realm, (POLICIES, add("ours")))
        assert server.names() == ["another's, of before ours", "ours"], late


def test_a_body_is_not_sent_again_as_it_was(server: Server, realm: Realm) -> None:
    def busy(request: Request) -> Answer:
        server.lists[POLICIES] = [{"name": "in between"}]
        return Answer(409, {"errorMessage": "Duplicate resource error"})

    server.interfere(busy, Answer(500), at="PUT .*/policies")
    write_until_kept(realm, (POLICIES, add("ours")))
    assert server.names() == ["in between", "ours"]


def test_a_profile_that_another_takes_away_first_is_made_again(server: Server, realm: Realm) -> None:
    def gone(request: Request) -> None:
        server.lists[PROFILES] = []

    server.interfere(gone, at="PUT .*/policies")
    write_until_kept(realm, (PROFILES, add("p")), (POLICIES, lambda now: [{"name": "p", "profiles": ["p"]}]))
    assert server.names(PROFILES) == server.names(POLICIES) == ["p"]


def test_a_list_that_keycloak_does_not_take_says_why(server: Server, realm: Realm) -> None:
    server.lists[POLICIES] = [{"name": "theirs", "profiles": ["nowhere"]}]
    with pytest.raises(
        Refusal, match="did not stay, the last answer was: Policy theirs contains invalid profile nowhere;"
    ):
        write_until_kept(realm, (POLICIES, add("ours")))


def test_one_who_never_stops_is_named(server: Server, realm: Realm) -> None:
    with pytest.raises(Refusal, match="writes did not stay, somebody else writes them;"):
        write_until_kept(realm, (POLICIES, lambda now: [{"name": str(len(server.requests))}]))


@pytest.mark.parametrize(("method", "role"), [("PUT", "manage-realm"), ("GET", "view-realm")])
def test_a_missing_role_is_named(server: Server, realm: Realm, method: str, role: str) -> None:
    server.interfere(Answer(403, {"error": "HTTP 403 Forbidden"}), at=f"{method} .*/policies")
    with pytest.raises(Refusal, match=f"{role}.* of the client 'realm-management'"):
        write_until_kept(realm, (POLICIES, add("ours")))


def test_a_realm_that_is_gone_has_no_entries(server: Server) -> None:
    assert entries(Realm(server.session(), "gone"), POLICIES) is None


# The resource


@pytest.fixture
def engine(server: Server, monkeypatch: pytest.MonkeyPatch) -> Engine:
    server.install(monkeypatch)
    forget()
    return Engine(ExchangeGuardsProvider, server.connection)


def test_a_life_leaves_the_realm_as_it_was(server: Server, engine: Engine) -> None:
    server.lists[POLICIES] = [{"name": "theirs", "enabled": False}]
    before, lists = server.state(), json.dumps(server.lists)
    assert engine.up(realm="r", requesters=["frontend", "api"], sources={"api": ["frontend", "api"]}) == "create"
    assert engine.outputs["sources"] == {"api": ["api", "frontend"]}
    assert sorted(engine.outputs["client_uuids"]) == ["api", "frontend"]
    asked = len(server.asked("serverinfo"))
    assert engine.up(realm="r", requesters=["api", "frontend"], sources={"api": ["frontend", "api"]}) == "same"
    assert len(server.asked("serverinfo")) == asked == 1
    assert engine.refresh() and engine.outputs["drift"] == []
    assert engine.up(realm="r", requesters=["api"]) == "update"
    assert "attributes" in server.client("frontend") and server.client("frontend")["attributes"] == {}
    engine.destroy()
    assert (server.state(), json.dumps(server.lists)) == (before, lists)


def test_marks_are_there_before_anything_is_refused_and_go_last(server: Server, engine: Engine) -> None:
    engine.up(realm="r", requesters=["api"])
    engine.destroy()
    writes = [request.path.rsplit("/", 1)[-1] for request in server.asked("^PUT")]
    assert writes == [server.uuid("api"), PROFILES, POLICIES, POLICIES, PROFILES, server.uuid("api")]


def bears(server: Server, name: str) -> str:
    return str(server.client(name)["attributes"][MARK])


def test_a_mark_is_found_again_and_shared(server: Server, engine: Engine) -> None:
    engine.up(realm="r", requesters=["api"])
    mark = bears(server, "api")
    forget()
    assert engine.up(realm="r", requesters=["api"], sources={"api": ["frontend"]}) == "update"
    other = Engine(ExchangeGuardsProvider, server.connection)
    other.up(realm="r", owner="org/project/other", requesters=["api", "frontend"])
    assert bears(server, "api") == mark
    server.client("api")["attributes"].pop(MARK)
    forget()
    engine.refresh()
    assert engine.outputs["drift"] == [f"client 'api' has lost its mark '{MARK}'"]
    assert engine.up(realm="r", requesters=["api"], sources={"api": ["frontend"]}) == "update"
    assert bears(server, "api") == mark
    secret = mark.partition("-")[2]
    assert secret not in json.dumps([engine.outputs, engine.inputs, other.outputs])
    claim = [text for key, text in server.client("api")["attributes"].items() if key.startswith("pulumi.claim.")]
    assert len(claim) == 2 and secret not in str(claim)


@pytest.mark.parametrize("planted", ["own", "computed", "anything"])
def test_a_mark_that_a_client_was_registered_with_is_not_kept(server: Server, engine: Engine, planted: str) -> None:
    """Who registered the client would know it."""
    uuid = server.uuid("api")
    mark = {"own": new_mark(uuid), "computed": computed_mark(server.uuid("realm-management"), uuid)}.get(
        planted, planted
    )
    server.client("api")["attributes"] = {MARK: mark}
    engine.up(realm="r", requesters=["api"])
    assert bears(server, "api") != mark and is_own(bears(server, "api"), uuid)


def test_another_stack_that_gives_the_mark_at_the_same_moment_wins_or_loses_for_both(
    server: Server, engine: Engine
) -> None:
    uuid, seen = server.uuid("api"), []

    def another(request: Request) -> None:
        seen.append(bears(server, "api"))
        server.client("api")["attributes"][MARK] = new_mark(uuid)

    server.interfere(another, at="PUT .*/profiles")
    engine.up(realm="r", requesters=["api"])
    (mark,) = {mark for part in held_parts(server.lists[POLICIES][0]).values() for mark in part.marks}
    assert seen and bears(server, "api") == mark


def test_a_borrowed_mark_is_reported_and_taken_back(
    server: Server, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", lambda text, *_, **__: warnings.append(text))
    engine.up(realm="r", requesters=["api"])
    server.add_client("r", "copy", attributes={MARK: bears(server, "api"), "theirs": "1"})
    forget()
    engine.refresh()
    assert engine.outputs["drift"] == ["client 'copy' has a mark that was made for another client"]
    assert engine.up(realm="r", requesters=["api"]) == "update"
    assert server.client("copy")["attributes"] == {"theirs": "1"}
    (warning,) = warnings
    assert "client 'copy' bore a mark" in warning and bears(server, "api") not in warning
    engine.refresh()
    assert engine.outputs["drift"] == []


def test_a_server_without_the_executor_is_refused_before_any_write(server: Server, engine: Engine) -> None:
    server.executors = (CLAIM_ENFORCER,)
    with pytest.raises(Refused, match=f"the server lacks the client policy executor '{DOWNSCOPE}'; update Keycloak"):
        engine.up(realm="r", no_wider_scopes=["api"])
    assert server.asked("^PUT") == []
    assert engine.up(realm="r", requesters=["api"]) == "create"  # needs it not


def test_a_server_with_client_policies_switched_off_is_refused(server: Server, engine: Engine) -> None:
    server.policies_on = False
    with pytest.raises(Refused, match="the server lacks the feature client-policies"):
        engine.up(realm="r", requesters=["api"])


def test_nothing_is_judged_before_it_is_known(server: Server) -> None:
    props = {"realm": "r", "owner": "o", "requesters": UNKNOWN, "sources": {"api": [UNKNOWN]}}
    result = ExchangeGuardsProvider().use(server.connection).check({}, props)
    assert result.failures == [] and server.requests == []


def test_all_faults_come_at_once(engine: Engine) -> None:
    with pytest.raises(Refused) as refusal:
        engine.up(realm="r", requesters=[], sources={"api": []}, user_claims={"api": {"azp": "("}})
    assert len(str(refusal.value).splitlines()) == 4
    assert all(line.startswith("exchange guards of realm 'r': ") for line in str(refusal.value).splitlines())
