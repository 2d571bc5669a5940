"""A grant as people write it: the same in both spellings, and refused in sentences, whatever they write."""

import re
from dataclasses import MISSING, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.spec import NO_KEYS, GrantSpec, checked_grant, read_grant
from tests.support.examples import examples

QUICK = examples(80)
STACK = {"realm": "r", "exchange": "auto", "owner": "org/project/stack"}
LEAST = {"name": "g", "sources": ["frontend"], "target": "api"}
LEAST_ARGUMENTS = {**STACK, "name": "g", "sources": ("frontend",), "target": "api"}


def camel(field: str) -> str:
    first, *rest = field.split("_")
    return first + "".join(word.title() for word in rest)


KINDS_BY_TYPE = {"bool": bool, "int": int, "tuple": list, "TimeWindow": dict, "str": str}
KEYS = {camel(each.name): each for each in fields(GrantSpec) if each.name not in NO_KEYS}
KINDS = {
    key: next(kind for name, kind in KINDS_BY_TYPE.items() if name in str(each.type)) for key, each in KEYS.items()
}
TEXTS = st.text("ab -#é", max_size=5)
ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1, 2), st.floats(0, 1), TEXTS),
    lambda each: st.one_of(st.lists(each, max_size=2), st.dictionaries(TEXTS, each, max_size=2)),
    max_leaves=3,
)


def faults(raw: dict[str, Any], defaults: dict[str, Any] | None = None) -> list[str]:
    spec, found = read_grant(raw, STACK if defaults is None else defaults)
    assert (spec is None) == bool(found)
    for fault in found:
        assert fault.endswith((".", "?")) and "; " in fault and "\n" not in fault
        assert re.match(r"grant '.*' in realm '.*': ", fault)
    return found


def test_the_least_that_is_a_grant() -> None:
    spec, found = read_grant(LEAST, STACK)
    assert found == [] and spec == GrantSpec("g", ("frontend",), "api", "r", "org/project/stack", flows=("recipient",))
    assert spec and spec.grant_owner == "org/project/stack#g"
    assert spec.clients() == {("r", "frontend"), ("r", "api")}


def test_the_contracts_defaults() -> None:
    spec, _ = read_grant(LEAST, STACK)
    assert spec and (
        spec.flows,
        spec.requester,
        spec.exchange,
        spec.allow_refresh,
        spec.allow_public_source,
        spec.manage_switch,
        spec.on_remove,
        spec.adopt,
        spec.prove,
        spec.reason,
        spec.review_by,
    ) == (("recipient",), None, "auto", False, False, True, "restore", False, False, None, None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("realm", "s"),
        ("exchange", "legacy"),
        ("owner", "team"),
        ("requester", "gateway"),
        ("flows", ["requester"]),
        ("flows", ["recipient", "requester"]),
        ("allowRefresh", True),
        ("allowPublicSource", True),
        ("manageSwitch", False),
        ("onRemove", "revoke"),
        ("onRemove", "keep"),
        ("adopt", True),
        ("prove", True),
        ("reason", "why"),
        ("reviewBy", "2027-06-30"),
    ],
    ids=str,
)
def test_both_spellings_are_the_same_grant(key: str, value: Any) -> None:
    spec, found = read_grant({**LEAST, key: value}, STACK)
    snake = next(each.name for name, each in KEYS.items() if name == key)
    again, _ = checked_grant({**LEAST_ARGUMENTS, snake: tuple(value) if isinstance(value, list) else value})
    assert found == [] and spec == again and spec is not None
    kept = getattr(spec, snake)
    assert kept == (tuple(value) if isinstance(value, list) else value)


def test_a_day_without_quotes_is_the_day_as_pulumi_hands_it_over() -> None:
    window = {"notBefore": "2027-01-01 00:00:00 +0000 UTC", "start": "09:00", "end": "17:00"}
    raw = {**LEAST, "flows": ["requester"], "reviewBy": "2027-01-01 00:00:00 +0000 UTC", "timeWindow": window}
    spec, found = read_grant({**raw, "exchange": "legacy"}, STACK)
    assert found == [] and spec and spec.review_by == "2027-01-01"
    assert spec.time_window and spec.time_window.not_before == "2027-01-01 00:00:00"


def test_a_third_client_needs_no_flows() -> None:
    spec, _ = read_grant({**LEAST, "requester": "gateway"}, STACK)
    assert spec and spec.flows == () and ("r", "gateway") in spec.clients()


@pytest.mark.parametrize("key", ["realm", "exchange", "owner"])
def test_null_is_the_stacks(key: str) -> None:
    assert read_grant({**LEAST, key: None}, STACK) == read_grant(LEAST, STACK)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"name": ""}, "name has 0 characters"),
        ({"name": " "}, "name has 1 characters"),
        ({"name": "a#b"}, "name holds '#'"),
        ({"name": "n" * 140}, "'org/project/stack' and name have 158 characters"),
        ({"owner": "o" * 200}, "and name have 202 characters"),
        ({"name": None}, "has no name; set it"),
        ({"sources": []}, "sources is empty"),
        ({"sources": "frontend"}, "sources is 'frontend'; give a list"),
        ({"sources": ["a", 1]}, "sources is ['a', 1]; give a list"),
        ({"sources": ["a", "a"]}, "sources contains 'a' twice"),
        ({"sources": [""]}, "sources contains an empty"),
        ({"sources": ["a" * 256]}, "sources contains an empty or too long"),
        ({"sources": ["api"]}, "target 'api' is also a source"),
        ({"sources": None}, "has no sources; set it"),
        ({"target": ""}, "target has 0 characters"),
        ({"target": 5}, "target is 5; give a text, in quotes."),
        ({"sources": ["a", True]}, "sources is ['a', True]; give a list of names, in quotes."),
        ({"name": "2027-01-01 00:00:00 +0000 UTC"}, "name is '2027-01-01 00:00:00 +0000 UTC'; give a text, in quotes."),
        ({"reviewBy": "soon"}, "reviewBy is 'soon', which is not a day; give one such as 2027-06-30"),
        ({"reviewBy": "2027-02-29"}, "reviewBy is '2027-02-29', which is not a day"),
        ({"reviewBy": "2027-01-01 10:00:00 +0000 UTC"}, "give a text, in quotes."),
        ({"target": None}, "has no target; set it"),
        ({"target": ["api"]}, "target is ['api']; give a text"),
        ({"requester": "gateway", "flows": ["recipient"]}, "sets flows 'recipient' beside requester 'gateway'"),
        ({"requester": "frontend"}, "requester 'frontend' is a source"),
        ({"requester": "api"}, "requester 'api' is the target"),
        ({"requester": ""}, "requester has 0 characters"),
        ({"flows": ["both"]}, "flows holds 'both'; choose from"),
        ({"flows": "recipient"}, "flows is 'recipient'; give a list"),
        ({"exchange": "v1"}, "exchange is 'v1'; choose one of"),
        ({"onRemove": "leave"}, "onRemove is 'leave'; choose restore, revoke or keep"),
        ({"onRemove": "keep", "exchange": "legacy"}, "onRemove is keep, but no other tool can take over the policies"),
        ({"prove": "yes"}, "prove is 'yes'; set true or"),
        ({"manageSwitch": 1}, "manageSwitch is 1; set true or false"),
        ({"adopt": "false"}, "adopt is 'false'; set true"),
        ({"exchange": "legacy", "manageSwitch": False}, "manageSwitch is false, but the legacy exchange has no switch"),
        ({"source": ["x"]}, "has the unknown key 'source'; did you mean 'sources'?"),
        ({"Target": "x"}, "has the unknown key 'Target'; did you mean 'target'?"),
        ({"allow_refresh": True}, "has the unknown key 'allow_refresh'; did you mean 'allowRefresh'?"),
        ({"review_by": "x"}, "has the unknown key 'review_by'; did you mean 'reviewBy'?"),
        ({"onremove": "revoke"}, "has the unknown key 'onremove'; did you mean 'onRemove'?"),
        ({"zzz": 1}, "has the unknown key 'zzz'; known are name, sources, target, "),
    ],
    ids=str,
)
def test_each_fault_names_its_key(raw: dict[str, Any], words: str) -> None:
    found = faults({**LEAST, **raw})
    assert len(found) == 1 and words in found[0]


@pytest.mark.parametrize("missing", ["realm", "owner"])
def test_what_neither_the_grant_nor_the_stack_gives(missing: str) -> None:
    defaults = {**STACK, missing: ""}
    assert [f"has no {missing}; set it." in fault for fault in faults(LEAST, defaults)] == [True]
    assert read_grant({**LEAST, missing: "x"}, defaults)[0]


def test_all_faults_at_once() -> None:
    assert len(faults({"name": 5, "sorces": [], "flows": 1, "prove": 0})) >= 4
    assert len(faults({**LEAST, "sources": ["api", "api"], "exchange": "x", "onRemove": "x"})) == 4


@pytest.mark.parametrize(
    ("raw", "start"),
    [
        ({"name": "g", "realm": "s"}, "grant 'g' in realm 's': "),
        ({}, "grant '#3' in realm 'r': "),
        ({"name": 5}, "grant '#3' in realm 'r': "),
        ({"name": " "}, "grant '#3' in realm 'r': "),
    ],
    ids=str,
)
def test_a_fault_says_which_grant(raw: dict[str, Any], start: str) -> None:
    found = read_grant(raw, STACK, 2)[1]
    assert found and all(fault.startswith(start) for fault in found)


@QUICK
@given(st.dictionaries(st.one_of(st.sampled_from([*KEYS, "source", "on_remove"]), TEXTS), ANY, max_size=6))
def test_whatever_is_written_is_a_grant_or_faults(raw: dict[str, Any]) -> None:
    faults({**LEAST, **raw})
    faults(raw, {})


@QUICK
@given(st.sampled_from(sorted(KEYS)), ANY)
def test_a_value_of_the_wrong_kind_is_refused_by_its_key(key: str, value: Any) -> None:
    right = isinstance(value, KINDS[key]) and isinstance(value, bool) == (KINDS[key] is bool)
    if not right and value is not None:
        assert any(f"{key} is {value!r}; " in fault for fault in faults({**LEAST, key: value}))
    elif value is None and KEYS[key].default is MISSING and key not in STACK:
        assert any(f"has no {key}; set it" in fault for fault in faults({**LEAST, key: value}))


@QUICK
@given(st.text("abcdefgilnorstuvwyABM_", min_size=1, max_size=12))
def test_a_key_that_is_none_is_refused_with_one_that_is(key: str) -> None:
    if key not in KEYS:
        (fault,) = faults({**LEAST, key: "x"})
        assert f"has the unknown key '{key}'; " in fault
        assert re.search(r"did you mean '(\w+)'\?$|known are name, ", fault)
        suggested = re.search(r"did you mean '(\w+)'", fault)
        assert suggested is None or suggested.group(1) in KEYS
