"""``python -m exchange graph``: exit codes, what goes where, and refusals in a sentence."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from exchange import cli
from exchange.graph import command
from exchange.graph.graph import Edge, Graph
from exchange.stack.place import Place
from exchange.stack.stack import StackOutputs
from kcadmin.rest.connection import Connection, PasswordLogin

EDGES = (
    Edge("undeclared", "b", "standard", ("x",), (None,)),
    Edge("declared", "b", "standard", ("a",), (None,), ("one",)),
    Edge("roles", "b", "standard", ("c",), (None,), (), ("the user has a role of 'b'",)),
)
WITH_STACK = Graph(
    "r", "https://keycloak.example", True, frozenset("abcx"), EDGES, notes=("client policy 'p': may refuse more",)
)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    grant = {
        "realm": "other",
        "sources": ["a"],
        "target": "b",
        "exchange": "standard",
        "flows": [{"flow": "recipient", "requester": "b", "audience": None, "requestScope": None}],
    }
    stack = StackOutputs({"one": {**grant, "realm": "r"}, "two": grant}, "https://keycloak.example", "r", {})
    place = Place(Connection("https://keycloak.example", PasswordLogin("admin", "pw")), "r", stack)
    monkeypatch.setattr(command, "find_place", lambda *given: place)
    monkeypatch.setattr(command, "_look", lambda place, progress: WITH_STACK)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["graph", *arguments], prog_name="exchange")


@pytest.mark.usefixtures("found")
def test_lines_in_a_pipe_and_what_is_not_judged_beside_them() -> None:
    result = run()
    assert result.exit_code == 0
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        "undeclared",
        "declared",
        "Realm 'r' at https",
    ]
    assert result.stderr.splitlines() == [
        "warning: client policy 'p': may refuse more.",
        "warning: realm 'other': has grants of this stack, too; show them with --realm other.",
    ]
    assert run("--kind", "roles").stdout.splitlines()[0].startswith("roles:")
    assert run("--client", "a").stdout.splitlines()[0].startswith("declared:")


@pytest.mark.parametrize(
    ("kinds", "code"), [(["undeclared"], 1), (["dead"], 3), (["dead", "undeclared"], 1), (["roles"], 1), ([], 0)]
)
@pytest.mark.usefixtures("found")
def test_a_pipeline_fails_on_what_it_asks_for(kinds: list[str], code: int) -> None:
    """Whatever is printed: a filter hides nothing from it."""
    result = run("--client", "a", *(word for kind in kinds for word in ("--fail-on", kind)))
    assert result.exit_code == code
    assert ("error: realm 'r': 1 undeclared." in result.stderr) == ("undeclared" in kinds)


@pytest.mark.usefixtures("found")
def test_dead_is_sure_where_all_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_look", lambda place, progress: replace(WITH_STACK, notes=()))
    assert run("--fail-on", "dead").exit_code == 0


def test_names_reach_no_terminal_but_as_text(monkeypatch: pytest.MonkeyPatch, found: None) -> None:
    name = "x\x1b[2J\x9b\u202e\ndeclared: requester=y\ud800"
    hostile = replace(
        WITH_STACK,
        clients=frozenset({name}),
        edges=(Edge("undeclared", name, "standard", (name,), (None,)),),
        notes=(f"client policy '{name}': may refuse more",),
    )
    monkeypatch.setattr(command, "_look", lambda place, progress: hostile)
    for form in ([], ["--json"], ["--mermaid"]):
        result = run(*form)
        assert result.exit_code == 0 and all(line.isprintable() for line in result.output.split("\n")), result.output
        assert not any(line.startswith("declared:") for line in result.output.splitlines())
    assert json.loads(run("--json").stdout)["edges"][0]["requester"] == name


@pytest.mark.usefixtures("found")
def test_files_are_written_whole(tmp_path: Path) -> None:
    page, chart = tmp_path / "graph.html", tmp_path / "graph.mmd"
    result = run("--html", str(page), "--mermaid", "--output", str(chart))
    assert result.exit_code == 0 and result.stdout == ""
    assert "<!doctype html>" in page.read_text() and chart.read_text().splitlines()[1] == "flowchart LR"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mermaid", "--json"], "error: --mermaid: cannot be printed together with --json; choose one."),
        (["--output", "x"], "error: --output: needs --mermaid or --json; give one of them."),
        (
            ["--html", "/nowhere/x.html"],
            "error: file '/nowhere/x.html': cannot be written (No such file or directory);",
        ),
        (["--client", "A"], "error: client 'A' in realm 'r': does not exist; correct --client."),
        (["--mermaid", "-o", "/nowhere/x"], "error: file '/nowhere/x': cannot be written (No such file or directory);"),
    ],
)
@pytest.mark.usefixtures("found")
def test_a_mistake_is_a_sentence(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2 and said in result.stderr and "Traceback" not in result.output


def test_without_a_stack_nothing_can_be_undeclared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_ADMIN_PASS", "pw")
    result = run("--url", "https://keycloak.example", "--realm", "r", "--fail-on", "undeclared")
    assert result.exit_code == 2 and "error: --fail-on: there is no stack to compare with;" in result.stderr
