"""What a migration writes into a stack's config, what it refuses before it begins, and how its commands end."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from exchange import cli
from exchange.migrate import command as migrate
from exchange.migrate.apply import Migration, Outcome
from exchange.migrate.plan import Planned
from exchange.migrate.preparation import Prepared, blocking_faults
from exchange.migrate.progress import Call, Stage
from exchange.migrate.runs import RunFailed, StackRuns, _errors
from exchange.stack.stack import StackProblem
from kcadmin.rest.errors import KeycloakError, Refusal, Unreachable
from tests.unit.test_migration_watch import moving

KEY = "keycloak-token-exchange:grants"
MOVED = Outcome(("g",))


class Pulumi:
    """Answers `config`, and remembers what else it was told."""

    def __init__(self, *names: str) -> None:
        self.names, self.told = names, list[list[str]]()

    def __call__(self, arguments: Sequence[str]) -> str:
        if "--show-secrets" in arguments:
            return json.dumps({KEY: {"value": json.dumps([{"name": name} for name in self.names])}})
        self.told.append(list(arguments))
        return ""


def test_a_phase_is_written_where_the_grants_are_now() -> None:
    pulumi = Pulumi("a", "b", "c")
    runs = StackRuns("prod", pulumi)
    runs.to_phase(["c", "a"], "mappers")
    pulumi.names = ("c", "a")  # somebody has edited it
    runs.to_phase(["c"], None)
    chosen = ["--stack", "prod"]
    pairs = ["--plaintext", f"{KEY}[2].migration=mappers", "--plaintext", f"{KEY}[0].migration=mappers"]
    assert pulumi.told == [
        ["config", "set-all", "--path", *pairs, *chosen],
        ["config", "rm-all", "--path", f"{KEY}[0].migration", *chosen],
    ]
    with pytest.raises(StackProblem, match="grant 'b': is no longer in the stack's config"):
        runs.to_phase(["b"], "both")


def test_the_end_is_written_so_that_a_kill_in_between_moves_nothing() -> None:
    pulumi = Pulumi("a")
    StackRuns(None, pulumi).to_standard(["a"])
    assert [each[1] for each in pulumi.told] == ["set-all", "rm-all"]
    assert pulumi.told[0][-1] == f"{KEY}[0].exchange=standard" and pulumi.told[1][-1] == f"{KEY}[0].migration"


def test_nothing_is_written_for_no_grant() -> None:
    pulumi = Pulumi("a")
    StackRuns(None, pulumi).to_phase([], "both")
    assert pulumi.told == []


def test_what_pulumi_reports() -> None:
    output = "Diagnostics:\n    error: grant 'g' in realm 'r': is wrong; mend it.\nerror: update failed\n"
    assert _errors(output) == ["grant 'g' in realm 'r': is wrong; mend it."]
    locked = _errors("error: the stack is currently locked by 1 lock(s). Either wait …")
    assert len(locked) == 2 and "run `pulumi cancel`, then run this again" in locked[1]
    assert _errors("one\n\ntwo\n") == ["one", "two"]
    assert _errors("\n") == ["pulumi: ended without a message; it may have been killed."]


def planned(name: str = "g", **changes: Any) -> Planned:
    given: dict[str, Any] = {
        "grant": moving(name, Call("requester", "web", "web"), stage=Stage.LEGACY),
        "together": (),
        "wait": 0.0,
        "steps": ("mappers: all are there",),
        "changes": ("aud is 'api' alone",),
        "blocks": (),
        "notes": (),
        "remains": (),
    }
    return Planned(**{**given, **changes})


class Runs(StackRuns):
    """A stack whose previews say what the test wants."""

    def __init__(self, *quiet: bool) -> None:
        super().__init__(None, Pulumi())
        self.answers = list(quiet)

    def is_quiet(self) -> bool:
        return self.answers.pop(0)


def found(
    *plans: Planned, unseen: Sequence[str] = (), quiet: Sequence[bool] = (True, True), **changes: Any
) -> Prepared:
    given: dict[str, Any] = {"unsure": {}, "under_way": False, "keycloak": None, **changes}
    return Prepared(Runs(*quiet), planned=list(plans), unseen=list(unseen), **given)


def test_what_blocks_a_migration() -> None:
    both = [planned("a", together=("b",)), planned("b", together=("a",), blocks=("is blocked; mend it",))]
    assert blocking_faults(found(*both), events=True) == ["grant 'b' in realm 'r': is blocked; mend it."]
    (alone,) = blocking_faults(found(both[0]), events=True)
    assert "grant 'a' in realm 'r': shares a requester with b, and one switch moves both; name all of them." in alone
    unseen = found(planned(), unseen=["events: are not saved; switch them on."])
    assert blocking_faults(unseen, events=True) == ["events: are not saved; switch them on, or give --no-events."]
    assert blocking_faults(unseen, events=False) == []


def run(monkeypatch: pytest.MonkeyPatch, what: Prepared, *args: str, outcome: Outcome | Exception = MOVED) -> Result:
    def move(self: Migration, groups: Any) -> Outcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(migrate, "prepare", lambda runs, names, lifetime, show: what)
    monkeypatch.setattr(Migration, "move", move)
    return CliRunner().invoke(cli.app, ["migrate", *args])


@pytest.mark.parametrize(
    ("plans", "code", "words"),
    [
        ((), 0, "nothing to migrate"),
        ((planned(),), 3, "1 of 1 legacy grant can move"),
        ((planned(), planned("h", blocks=("x; y",))), 1, "1 of 2 legacy grants can move; blocked: h."),
    ],
    ids=["nothing", "can be done", "blocked"],
)
def test_how_plan_ends(plans: tuple[Planned, ...], code: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, found(*plans), "plan")
    assert result.exit_code == code and words in result.output
    told = json.loads(run(monkeypatch, found(*plans), "plan", "--json").output)
    assert [each["grant"] for each in told["grants"]] == [each.grant.name for each in plans]


@pytest.mark.parametrize(
    ("what", "args", "code", "words"),
    [
        (found(), ["--yes"], 0, "nothing to migrate"),
        (found(planned()), ["--yes"], 0, "1 grant is standard now: g."),
        (found(planned()), [], 2, "cannot ask without a terminal"),
        (found(planned(blocks=("x; y",))), ["--yes"], 1, "error: grant 'g' in realm 'r': x; y."),
        (found(planned(), quiet=[False]), ["--yes"], 2, "which this would deploy too"),
        (found(planned(), quiet=[True, False]), ["--yes"], 1, "are not of this migration"),
        (found(planned(), quiet=[True], under_way=True), ["--yes"], 0, "1 grant is standard now"),
        (found(planned(), unseen=["e; f."]), ["--yes"], 1, "error: e; f, or give --no-events."),
        (found(planned(), unseen=["e; f."]), ["--yes", "--no-events"], 0, "warning: without events"),
    ],
)
def test_how_apply_ends(
    what: Prepared, args: list[str], code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(monkeypatch, what, "apply", *args)
    assert result.exit_code == code and words in result.output


def test_a_failed_run_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, found(planned()), "apply", "--yes", outcome=RunFailed("a: wrong; mend it."))
    assert (
        result.exit_code == 1
        and "error: a: wrong; mend it.\nerror: correct that, then run the same command again" in result.output
    )


@pytest.mark.parametrize(
    ("problem", "code"), [(Unreachable("Keycloak: no answer."), 4), (Refusal("events: may not be seen."), 2)]
)
def test_who_is_stopped_on_the_way_is_told(problem: KeycloakError, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, found(planned()), "apply", "--yes", outcome=problem)
    assert result.exit_code == code and f"error: {problem}" in result.stderr
    assert "warning: stopped midway, so a switch may be on without a watch;" in result.stderr
    before = run(monkeypatch, found(planned(), quiet=[False]), "apply", "--yes")
    assert "stopped midway" not in before.output


def test_nobody_is_asked_and_the_notes_are_said_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = replace(planned(), notes=("policy 'p' may let 'web' exchange; check it",))
    result = run(monkeypatch, found(noted), "apply", "--yes")
    assert "warning: grant 'g' in realm 'r': policy 'p' may let 'web' exchange; check it." in result.output
