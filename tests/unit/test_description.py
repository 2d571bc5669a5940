"""A grant as the state keeps it, and what changed in it."""

from typing import Any

import pytest

from components import news
from components.news import for_people, tell_changes
from grants.description import SHOWN, changes, describe
from grants.fault import told_once
from grants.planning import plan
from tests.unit.test_wiring import facts, grant


def described(**changes: Any) -> dict[str, Any]:
    (planned,) = plan([grant(**changes)], facts()).grants
    return describe(planned)


def lines(before: dict[str, Any], now: dict[str, Any], *, all_of_stack: bool = True) -> list[str]:
    return changes({"g": before} if before else {}, {"g": now} if now else {}, all_of_stack=all_of_stack).lines()


class ThisRun:
    """A run of a program."""


@pytest.mark.parametrize("is_preview", [True, False])
def test_a_config_that_grows_too_large_is_told_where_grants_change(
    is_preview: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, told_of = list[str](), ThisRun()
    before: dict[str, Any] = {}
    monkeypatch.setattr(news, "is_dry_run", lambda: is_preview)
    monkeypatch.setattr(news, "last_grants", lambda: before)
    monkeypatch.setattr(news.messages, "warn", told.append)
    monkeypatch.setattr(news.messages, "text", lambda lines: None)
    monkeypatch.setenv("PULUMI_CONFIG", "x" * (100 * 1024))
    monkeypatch.setattr(news, "this_run", lambda: told_of)
    planned = plan([grant()], facts()).grants
    tell_changes(planned, all_of_stack=True)
    (sentence,) = told
    assert sentence.startswith("config: has 102,414 bytes")
    before["g"] = describe(planned[0])
    tell_changes(planned, all_of_stack=True)
    assert told == [sentence], "a quiet run is quiet"


def as_in_a_state(value: Any) -> Any:
    """Numbers are floats there."""
    if isinstance(value, dict):
        return {key: as_in_a_state(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_in_a_state(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def test_new_and_removed() -> None:
    line = "g: frontend → api, standard, recipient"
    assert lines({}, described()) == ["grants: 1 new, 0 unchanged", f"  new: {line}"]
    assert lines(described(), {}) == ["grants: 1 removed, 0 unchanged", f"  removed: {line}"]
    assert lines(described(), {}, all_of_stack=False) == []


@pytest.mark.parametrize(
    ("was", "will", "told"),
    [
        ({}, {"allow_refresh": True}, "allowRefresh false → true"),
        ({"allow_refresh": True}, {}, "allowRefresh true → false"),
        ({"token_lifespan": 300}, {"token_lifespan": 60}, "tokenLifespan 300 → 60"),
        ({"token_lifespan": 300}, {}, "tokenLifespan 300 → none"),
        ({}, {"reason": "audit"}, "reason none → audit"),
        ({}, {"sources": ("frontend", "mobile")}, 'sources ["frontend"] → ["frontend", "mobile"]'),
        ({}, {"flows": ("requester",)}, 'flows ["recipient"] → ["requester"]'),
        (
            {},
            {"flows": (), "requester": "gateway", "review_by": "2027-01-01"},
            'requester none → gateway; reviewBy none → 2027-01-01; flows ["recipient"] → none',
        ),
    ],
    ids=str,
)
def test_changed(was: dict[str, Any], will: dict[str, Any], told: str) -> None:
    before = as_in_a_state(described(**was))
    assert lines(before, described(**will)) == ["grants: 1 changed, 0 unchanged", f"  changed: g: {told}"]
    assert lines(before, described(**was)) == []


def test_a_state_without_options_differs_in_what_it_holds_alone() -> None:
    before = {key: value for key, value in described().items() if key != "options"}
    assert lines(before, described(allow_refresh=True)) == []
    assert lines(before, described(target="billing"))[1:] == ["  changed: g: target api → billing"]


def test_one_whose_up_failed_is_new_and_may_go() -> None:
    assert changes({"g": {}}, {"g": described()}, all_of_stack=True).new
    assert changes({"g": {}}, {}, all_of_stack=True).lines() == ["grants: 1 removed, 0 unchanged", "  removed: g"]


def test_a_fault_of_many_grants_is_one_sentence() -> None:
    specs = [grant(f"g{number}", realm="nowhere") for number in range(6)]
    faults = [each.describe("the realm does not exist", "correct the realm") for each in specs]
    other = grant("other").describe("is odd", "mend it")
    assert told_once([faults[0], other, *faults[1:], "config: is odd."]) == [
        "grants 'g0', 'g1', 'g2' and 3 more in realm 'nowhere': the realm does not exist; correct the realm.",
        other,
        "config: is odd.",
    ]
    assert told_once([*faults[:3], other]) == [*faults[:3], other]
    assert told_once(faults, {"g1"}) == [
        "grants 'g0', 'g2', 'g3' and 2 more in realm 'nowhere': the realm does not exist; correct the realm.",
        faults[1],
    ]


def test_many() -> None:
    many = {f"g{number}": described() for number in range(SHOWN + 2)}
    told = changes({}, many, all_of_stack=True).lines()
    assert told[0] == f"grants: {SHOWN + 2} new, 0 unchanged"
    assert len(told) == SHOWN + 2 and told[-1] == "  new: and 2 more"
    assert for_people({"g": described()}) == {"g": "frontend → api, standard, recipient"}
    assert for_people(many) == f"{SHOWN + 2} grants in realm 'r'; `python -m exchange graph` shows them"
    many["g0"] = {**many["g0"], "realm": "s"}
    assert str(for_people(many)).startswith(f"{SHOWN + 2} grants in 2 realms; ")
