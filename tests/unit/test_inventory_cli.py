"""``python -m exchange inventory``: what goes where, exit codes, and files that are refused before anything is printed."""

import json
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner, Result

from exchange import cli
from exchange.inventory import config_file, report
from exchange.inventory.grants import ExistingGrant, Inventory
from exchange.inventory.remarks import Level, Remark

GRANT = ExistingGrant("a-to-b", "standard", ("a",), "b", ("requester",), None, False)
LOST = Remark(
    Level.LOST, "policy 'p' of 'b'", "client policy 'p' (NEGATIVE) lets every client but 'a' through", "keep it"
)
NOTE = Remark(Level.NOTE, "policy 'q'", "hangs on two permissions")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, findings: tuple[Remark, ...] = (NOTE,)) -> Result:
    found = Inventory("r", (GRANT,), findings)
    monkeypatch.setattr(config_file, "take_inventory", lambda session, realm, progress: found)
    environ = {"KEYCLOAK_ADMIN_PASS": "pw-admin", "KEYCLOAK_URL": None}
    place = ["--url", "https://kc.example", "--realm", "r"]
    return CliRunner().invoke(cli.app, ["inventory", *place, *arguments], env=environ, prog_name="exchange")


def test_config_goes_to_the_pipe_and_findings_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch)
    assert result.exit_code == 0, result.output
    assert yaml.safe_load(result.stdout)["config"]["keycloak-token-exchange:grants"] == [GRANT.config()]
    assert result.stderr.splitlines() == [
        "note: policy 'q': hangs on two permissions.",
        "Realm 'r': 1 grant (1 standard); nothing is left over.",
    ]


def test_what_is_left_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, "--json", findings=(LOST, NOTE))
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["grants"] == [GRANT.config()] and said["written"] is None
    assert said["findings"][0] == {
        "level": "not carried over", "about": LOST.about, "says": LOST.says, "remedy": "keep it"}  # fmt: skip
    assert result.stderr == "Realm 'r': 1 grant (1 standard); 1 finding not carried over.\n"


def test_a_file_is_written_and_not_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    result = run(monkeypatch, "--write", str(file))
    assert result.exit_code == 0 and result.stdout == "" and f"written to '{file}'" in result.stderr
    text = file.read_text()
    result = run(monkeypatch, "--write", str(file))
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr == f"error: file '{file}': holds grants already; give --replace to replace them.\n"
    assert run(monkeypatch, "--write", str(file), "--replace").exit_code == 0 and file.read_text() == text


def test_a_terminal_gets_a_table() -> None:
    table = report.as_table([LOST, NOTE])
    assert table.row_count == 2
