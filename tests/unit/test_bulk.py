"""The engine of many parts, with providers that only note what they are asked."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    Config,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)
from pulumi.output import Unknown

from kcadmin.marks.packed import Part, pack, packed_grants, parts_in
from kcadmin.rest.errors import KeycloakError, Refusal
from providers import realm_grants
from providers.audience_mapper import AudienceMapperProvider
from providers.base.part import REFERENCE
from providers.bulk.engine import Engine, Step
from providers.bulk.order import work_in_order
from providers.bulk.told import HIDDEN, NEW_OWNER, RealmRun
from providers.realm_grants import RealmGrantsProvider

Props = dict[str, Any]


@dataclass
class Notes:
    """A provider of every kind. fails: names whose writes fail. gone: names that are not on the server."""

    fails: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    replaced_by: str = "fixed"
    did: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, props: Props) -> None:
        with self.lock:
            self.did.append(f"{what} {props['name']}")
        if props["name"] in self.fails:
            raise Refusal(f"{props['name']}: cannot {what}; wait.")

    def check(self, olds: Props, news: Props) -> CheckResult:
        wrong = [CheckFailure("", f"{news['name']}: is wrong; correct it.")] if news.get("wrong") else []
        return CheckResult({"kept": True, **news}, wrong)

    def diff(self, id_: str, olds: Props, news: Props) -> DiffResult:
        changed = [key for key in news if isinstance(news[key], Unknown) or olds.get(key) != news[key]]
        return DiffResult(bool(changed), [self.replaced_by] if self.replaced_by in changed else [])

    def create(self, props: Props) -> CreateResult:
        self.note("create", props)
        return CreateResult(f"id of {props['name']}", props)

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        self.note("update", news)
        return UpdateResult(news)

    def read(self, id_: str, props: Props) -> ReadResult:
        return ReadResult("", {}) if props["name"] in self.gone else ReadResult(id_, {**props, "read": 1}, props)

    def delete(self, id_: str, props: Props) -> None:
        self.note("delete", props)


def part(name: str, *after: str, **props: Any) -> Part:
    return Part("Thing", {"name": name, **props}, after)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def engine(notes: Notes) -> Engine:
    give: Callable[[str], Any] = lambda kind: notes  # noqa: E731
    return Engine(give)


PAIR = {"m": part("m"), "s": part("s", "m")}
WITH_ID = {"p": part("p"), "b": part("b", "p", of=[{REFERENCE: "p"}])}


def made(engine: Engine, notes: Notes, parts: dict[str, Part]) -> dict[str, Part]:
    done = engine.apply({}, parts).parts
    notes.did.clear()
    return done


def test_what_a_part_needs_comes_first_and_goes_last(engine: Engine, notes: Notes) -> None:
    done = engine.apply({}, WITH_ID)
    assert notes.did == ["create p", "create b"] and not done.faults
    assert done.parts["b"].props["of"] == ["id of p"] and done.parts["b"].id == "id of b"
    notes.did.clear()
    assert engine.delete(done.parts) == {} and notes.did == ["delete b", "delete p"]


def test_nothing_is_done_again(engine: Engine, notes: Notes) -> None:
    done = made(engine, notes, WITH_ID)
    assert engine.steps(done, WITH_ID) == ({"p": Step.SAME, "b": Step.SAME}, {})
    assert engine.apply(done, WITH_ID).parts == done and notes.did == []


def test_a_part_that_fails_holds_up_those_alone_that_need_it(engine: Engine, notes: Notes) -> None:
    notes.fails = {"m"}
    done = engine.apply({}, {**PAIR, "other": part("other")})
    assert done.faults == {"m": ["m: cannot create; wait."]} and done.waiting == {"s"}
    assert {*done.parts} == {"other"} and "create s" not in notes.did
    notes.fails = set()
    assert {*engine.apply(done.parts, {**PAIR, "other": part("other")}).parts} == {"m", "s", "other"}


def test_nothing_is_removed_where_a_part_fails(engine: Engine, notes: Notes) -> None:
    done = made(engine, notes, {"old": part("old")})
    notes.fails = {"new"}
    failed = engine.apply(done, {"new": part("new")})
    assert {*failed.parts} == {"old"} and notes.did == ["create new"]
    notes.fails = set()
    notes.did.clear()
    assert {*engine.apply(failed.parts, {"new": part("new")}).parts} == {"new"}
    assert notes.did == ["create new", "delete old"]


def test_a_part_whose_update_fails_stays_as_the_state_has_it(engine: Engine, notes: Notes) -> None:
    done = made(engine, notes, PAIR)
    notes.fails = {"m"}
    failed = engine.apply(done, {**PAIR, "m": part("m", on=True)})
    assert failed.parts == done and failed.faults and notes.did == ["update m"]


def test_a_part_that_is_replaced_goes_before_it_is_made_again_and_its_new_id_is_told(
    engine: Engine, notes: Notes
) -> None:
    done = made(engine, notes, WITH_ID)
    again = {**WITH_ID, "p": part("p", fixed=2)}
    assert engine.steps(done, again)[0] == {"p": Step.REPLACE, "b": Step.UPDATE}
    assert engine.apply(done, again).parts["p"].props["fixed"] == 2
    assert notes.did == ["delete p", "create p", "update b"]


def test_a_delete_that_fails_keeps_what_the_part_needs(engine: Engine, notes: Notes) -> None:
    done = made(engine, notes, {**PAIR, "other": part("other")})
    notes.fails = {"s"}
    assert engine.delete(done) == {"s": ["s: cannot delete; wait."]}
    assert sorted(notes.did) == ["delete other", "delete s"]


def test_all_faults_of_inputs_come_at_once_and_ids_stay_references(engine: Engine) -> None:
    wrong = {"a": part("a", wrong=True), "b": part("b", wrong=True)}
    assert engine.check({}, wrong, {})[1] == ["a: is wrong; correct it.", "b: is wrong; correct it."]
    checked, faults = engine.check({}, WITH_ID, {})
    assert not faults and checked["b"].props == {"kept": True, "name": "b", "of": [{REFERENCE: "p"}]}


def test_what_is_gone_is_left_out_of_what_was_read(engine: Engine, notes: Notes) -> None:
    done = made(engine, notes, PAIR)
    notes.gone = {"m"}
    outs, ins = engine.read(done)
    assert {*outs} == {*ins} == {"s"} and outs["s"].id == "id of s" and ins["s"].id == ""
    assert engine.steps(outs, PAIR)[0]["m"] is Step.CREATE


def test_an_error_of_ours_is_told_of_its_part(engine: Engine, notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    done = made(engine, notes, PAIR)

    def broken(id_: str, props: Props) -> ReadResult:
        raise ValueError("x\x1b[2J")

    monkeypatch.setattr(notes, "read", broken)
    with pytest.raises(KeycloakError) as told:
        engine.read({"m": replace(done["m"])})
    assert "m: ValueError: x" in str(told.value) and "\x1b" not in str(told.value)


GRANT = {"sources": ["a"], "target": "b", "flows": []}


def inputs(parts: dict[str, Part], **more: Any) -> Props:
    return json.loads(json.dumps({"realm": "r", **pack(parts, {"g": GRANT}), **more}))  # type: ignore[no-any-return]


@pytest.fixture
def provider(engine: Engine) -> RealmGrantsProvider:
    held = RealmGrantsProvider()
    held._engine, held._runs = engine, defaultdict(RealmRun)
    return held


def test_what_failed_is_in_the_outputs_and_is_a_change(provider: RealmGrantsProvider, notes: Notes) -> None:
    notes.fails = {"m"}
    first = provider.create(inputs(PAIR))
    assert first.id == "r" and first.outs and first.outs["failed"] == {"m": ["m: cannot create; wait."]}
    assert provider.diff("r", {**provider.create(inputs({})).outs, "failed": {"m": ["x"]}}, inputs({})).changes  # type: ignore[dict-item]
    notes.fails = set()
    done = provider.update("r", first.outs, inputs(PAIR)).outs
    assert done and "failed" not in done and {*parts_in(done)} == {"m", "s"}
    assert not provider.diff("r", done, inputs(PAIR)).changes


def test_a_replacement_by_another_owner_is_refused_before_a_write(provider: RealmGrantsProvider, notes: Notes) -> None:
    provider.check({}, inputs(PAIR, run=NEW_OWNER))
    with pytest.raises(Refusal, match="grants of realm 'r': are replaced in the same run as their owner changes; run"):
        provider.create(inputs(PAIR))
    assert notes.did == []


def test_a_grant_that_changes_is_a_change_without_a_write(provider: RealmGrantsProvider, notes: Notes) -> None:
    outs = provider.create(inputs(PAIR)).outs or {}
    notes.did.clear()
    news = {**inputs(PAIR), "grants": {"g": {**GRANT, "reason": "why"}}}
    assert provider.diff("r", outs, news).changes
    assert packed_grants(provider.update("r", outs, news).outs or {})["g"]["reason"] == "why" and notes.did == []


def test_pulumi_tells_which_inputs_changed_and_the_provider_that_the_server_did(
    provider: RealmGrantsProvider, notes: Notes
) -> None:
    """Pulumi shows the whole of a resource whose provider says that it changed, and else what differs in its inputs."""
    first = provider.check({}, inputs(PAIR)).inputs
    outs = provider.create(first).outs or {}
    news = {**inputs(PAIR), "grants": {"g": {**GRANT, "reason": "why"}}}
    changed = provider.check({**first, "__provider": "p", "gives": None}, news).inputs
    assert provider.diff("r", outs, changed).changes is None
    provider.check({**first, "__provider": "p"}, {**news, "run": HIDDEN})
    assert provider.diff("r", outs, changed).changes is True
    assert provider.check({**first, "__provider": "p", "gives": None}, inputs(PAIR)).inputs == first
    assert provider.diff("r", outs, first).changes is False
    drifted = {**outs, "failed": {"m": ["x"]}}
    assert provider.diff("r", drifted, first).changes is True


def test_threads_get_no_provider_that_is_not_configured_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    held, shared = RealmGrantsProvider(), list[bool]()
    monkeypatch.setattr(
        AudienceMapperProvider, "take_config", lambda *_: shared.append("AudienceMapper" in held._providers)
    )
    monkeypatch.setattr(realm_grants, "speak_to_people", lambda _: None)  # which is for ever, in a plugin's process
    held.configure(ConfigureRequest(Config({}, "keycloak-token-exchange")))
    assert held._provider_of("AudienceMapper") is held._provider_of("AudienceMapper") and shared == [False]


def test_a_server_that_offers_another_exchange_by_now_is_no_change(provider: RealmGrantsProvider) -> None:
    def on(offered: bool) -> Props:
        return {**inputs(PAIR), "grants": {"g": {**GRANT, "standardOffered": offered}}}

    outs = provider.create(on(False)).outs or {}
    assert not provider.diff("r", outs, on(True)).changes
    assert provider.diff("r", outs, {**on(True), "grants": {"g": {**GRANT, "timeWindow": True}}}).changes


def test_parts_that_are_given_away_are_forgotten_and_others_removed(
    provider: RealmGrantsProvider, notes: Notes
) -> None:
    outs = provider.create(inputs({**PAIR, "other": part("other")})).outs or {}
    notes.did.clear()
    news = inputs({}, gives=["m", "s"])
    assert provider.diff("r", outs, news).changes
    left = provider.update("r", outs, provider.check(inputs(PAIR), news).inputs).outs or {}
    assert parts_in(left) == {} and notes.did == ["delete other"]


def test_a_refresh_leaves_out_what_is_gone_and_a_delete_tells_all_faults(
    provider: RealmGrantsProvider, notes: Notes
) -> None:
    outs = provider.create(inputs({**PAIR, "other": part("other")})).outs or {}
    notes.gone = {"m"}
    read = provider.read("r", outs)
    assert {*parts_in(read.outs or {})} == {*parts_in(read.inputs or {})} == {"s", "other"}
    notes.fails = {"s", "other"}
    with pytest.raises(KeycloakError) as told:
        provider.delete("r", outs)
    assert told.value.faults == ("other: cannot delete; wait.", "s: cannot delete; wait.")


def test_each_place_comes_after_all_it_needs_and_many_at_once() -> None:
    needs = {f"{kind}{number}": [f"m{number}"] if kind == "s" else [] for kind in "ms" for number in range(50)}
    done: list[str] = []
    work_in_order(needs, done.append)
    assert sorted(done) == sorted(needs)
    assert all(done.index(f"m{number}") < done.index(f"s{number}") for number in range(50))
    assert done.index("s0") < done.index("m49"), "a switch follows its mapper, while its client was just looked at"


def test_a_part_that_needs_itself_is_an_error() -> None:
    with pytest.raises(ValueError, match="cycle"):
        work_in_order({"a": ["b"], "b": ["a"]}, lambda place: None)
