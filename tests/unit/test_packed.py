"""Many parts as one resource in the state: packed and read again they are the same, and what they share is kept once."""

import datetime
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kcadmin.marks.packed import GRANT, OBJECT, TOKEN, Part, each_of, pack, packed_grants, parts_in
from policy.stack import Requester, Resource, read_stack
from providers.base import own_state
from tests.support.examples import examples

ONE = "11111111-1111-4111-8111-111111111111"
CLIENTS = {"a": ONE, "b": "22222222-2222-4222-8222-222222222222"}
values = st.one_of(st.booleans(), st.integers(0, 9), st.sampled_from(["", "x", "a"]), st.lists(st.sampled_from("xy")))
props = st.fixed_dictionaries(
    {"realm": st.just("r")},
    optional=dict.fromkeys(("access_token", "found", "owner", "seconds"), values),
)


@st.composite
def parts(draw: st.DrawFn) -> dict[str, Part]:
    made = {}
    for number in range(draw(st.integers(0, 5))):
        client = draw(st.sampled_from([None, *CLIENTS]))
        held: dict[str, Any] = {
            **draw(props),
            **({"client_id": client, "client_uuid": CLIENTS[client]} if client else {}),
        }
        id_ = draw(st.sampled_from(["", "id", f"r/{CLIENTS[client]}/kind" if client else "other"]))
        kind = draw(st.sampled_from(["AudienceMapper", "StandardTokenExchange"]))
        made[f"r/{number}"] = Part(kind, held, tuple(draw(st.lists(st.sampled_from(["r/0", "r/1"]), max_size=1))), id_)
    return made


def grant(source: str, **more: Any) -> dict[str, Any]:
    flow = {"flow": "requester", "requester": source, "audience": "b", "requestScope": None}
    clients = {name: CLIENTS[name] for name in sorted({source, "b"})}
    return {
        "realm": "r", "sources": [source], "target": "b", "exchange": "standard", "flows": [flow], "clients": clients,
        "options": {"flows": ["requester"]}, "requesters": {source: {"public": False, "fullScope": True}}, **more}  # fmt: skip


@examples(200)
@given(parts(), parts())
def test_parts_are_read_as_they_were_packed(held: dict[str, Part], before: dict[str, Part]) -> None:
    for like in (None, pack(before, {})):
        packed = json.loads(json.dumps(pack(held, {}, like)))
        assert parts_in(packed) == held


def test_grants_are_read_as_they_were_packed() -> None:
    scope = {"name": "s", "at": "login"}
    asks = {"flow": "recipient", "requester": "b", "audience": None, "requestScope": scope}
    held = {
        "plain": grant("a"),
        "itself": grant("b"),
        "asks": grant("a", flows=[asks], requesters={"b": {"public": False, "fullScope": False}}),
        "more": grant("a", clients={**CLIENTS, "roles": ONE}, requiredRoles=["x"], reason="why"),
    }
    assert packed_grants(json.loads(json.dumps(pack({}, held)))) == held


def test_what_is_shared_is_kept_once_and_drift_shows_at_its_part() -> None:
    held = {f"r/{number}": Part("X", {"realm": "r", "on": True, "n": number}) for number in range(3)}
    packed = pack(held, {})
    assert packed["common"] == {"X": {"on": True, "realm": "r"}} and packed["parts"]["X"]["r/1"] == {"n": 1}
    drifted = {**held, "r/1": Part("X", {"realm": "r", "on": False}), "r/2": Part("X", {"realm": "r", "n": 2})}
    now = pack(drifted, {}, packed)
    assert now["common"] == packed["common"]
    assert now["parts"]["X"] == {"r/0": {"n": 0}, "r/1": {"on": False}, "r/2": {"n": 2, "unset": ["on"]}}


def test_the_program_and_the_rules_read_it_so() -> None:
    held = {"r/a/audience-b": Part("AudienceMapper", {"realm": "r", "number": "n", "owner": "o#g"}, (), "m")}
    urn, outputs = f"urn:pulumi:dev::p::{TOKEN}::r/grants", {"realm": "r", **pack(held, {"g": grant("a")})}
    answer = {"outputs": {urn: {"type": TOKEN, "outputs": outputs}}}
    (mapper,) = own_state.held_in(answer)
    assert (mapper.kind, mapper.place, mapper.owner, mapper.in_bulk) == ("AudienceMapper", "r/a/audience-b", "o", True)
    assert own_state._grants_in(answer) == {"g": grant("a")}
    stack = read_stack(datetime.date(2030, 1, 1), [Resource(TOKEN, urn, outputs)], {})
    assert [(each.name, each.target, each.requesters) for each in stack.grants] == [
        ("g", "b", (Requester("a", public=False, full_scope=True),))
    ]
    assert [each.text("number") for each in stack.of("AudienceMapper")] == ["n"]


def test_a_state_is_read_as_if_each_part_were_a_resource() -> None:
    other = {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"}
    made = {"r/a/audience-b": Part("AudienceMapper", {"realm": "r", "client_id": "a", "client_uuid": ONE}, (), "m")}
    wanted = {place: Part(part.kind, part.props) for place, part in made.items()}
    urn = f"urn:pulumi:dev::p::{TOKEN}::r/grants"
    whole = {"type": TOKEN, "urn": urn, "created": "1", "modified": "2", "inputs": pack(wanted, {"g": grant("a")})}
    whole["outputs"] = pack(made, {"g": grant("a")})
    first, mapper, described = each_of([other, whole])
    assert first == other
    assert mapper["urn"] == f"urn:pulumi:dev::p::{OBJECT}AudienceMapper::r/a/audience-b"
    assert (mapper["id"], mapper["created"]) == ("m", "2"), "a part is not older than the last change"
    assert mapper["inputs"] == mapper["outputs"] == made["r/a/audience-b"].props
    assert described["urn"] == f"urn:pulumi:dev::p::{GRANT}::g" and described["outputs"] == grant("a")
