"""What a migration writes into files of grants: one key of the grants that it moves, and all else stays byte by byte."""

import json
from pathlib import Path
from typing import Any

import pytest

from exchange.migrate.grant_file import write_key
from exchange.migrate.runs import StackRuns
from exchange.stack.stack import StackProblem
from grants.grant_file import grants_in

TEXT = """# ümläut 😀: who may act for whom
- name: a  # the first
  sources: [web]

  # a comment
  target: api
- target: hub
  name: "b"
  sources: &all
    - web
  migration: mappers  # on its way
  reason: |
    two
    lines
- {name: c, sources: *all, target: db}
- migration: both
  name: d
"""


def changed(tmp_path: Path, text: str, key: str, values: dict[int, str | None], name: str = "g.yaml") -> str:
    file = tmp_path / name
    file.write_bytes(text.encode())
    before = [given for given, _ in grants_in(file)]
    write_key(file, key, values)
    for number, (given, _) in enumerate(grants_in(file)):
        wanted: dict[str, Any] = {**before[number], **({key: values[number]} if number in values else {})}
        assert given == {name: value for name, value in wanted.items() if value is not None or name != key}
    return file.read_bytes().decode()


def test_a_key_is_set_and_taken_out_on_its_own_line(tmp_path: Path) -> None:
    moved = changed(tmp_path, TEXT, "migration", {0: "mappers", 1: "both", 2: "mappers"})
    assert moved == TEXT.replace("# the first\n", "# the first\n  migration: mappers\n").replace(
        "migration: mappers  # on its way", "migration: both  # on its way"
    ).replace("{name: c,", "{name: c, migration: mappers,")
    back = changed(tmp_path, moved, "migration", dict.fromkeys(range(4)))
    assert back == TEXT.replace("  migration: mappers  # on its way\n", "").replace(
        "- migration: both\n  name", "- name"
    )
    assert changed(tmp_path, back, "migration", {0: None}) == back


@pytest.mark.parametrize(
    "text", ["- name: a", "- name: a\r\n  target: b\r\n", "[{name: a}]", "- migration:\n  name: a\n"]
)
def test_other_forms(tmp_path: Path, text: str) -> None:
    changed(tmp_path, text, "migration", {0: "both"})
    changed(tmp_path, f"{text.rstrip()}\n- name: b\n" if text[0] == "-" else text, "exchange", {0: "standard"})


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_keeps_its_indent(tmp_path: Path, indent: Any) -> None:
    grants = [{"name": "ü", "sources": ["a"]}, {"name": "b", "migration": "both"}]
    text = json.dumps(grants, indent=indent, ensure_ascii=False)
    after = changed(tmp_path, text, "migration", {0: "both", 1: None}, "g.json")
    assert after == json.dumps([{**grants[0], "migration": "both"}, {"name": "b"}], indent=indent, ensure_ascii=False)


def test_a_form_that_cannot_be_changed_is_refused_and_left(tmp_path: Path) -> None:
    text = "- &a {name: a, migration: both}\n- {<<: *a, name: b}\n"
    file = tmp_path / "g.yaml"
    file.write_text(text)
    with pytest.raises(StackProblem, match="has a form that cannot be changed in place; give each grant its keys"):
        write_key(file, "migration", {1: None})
    assert file.read_text() == text
    with pytest.raises(StackProblem, match=r"no.yaml': cannot be read \(No such file"):
        write_key(tmp_path / "no.yaml", "migration", {})


def test_each_grant_is_written_where_it_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.yaml").write_text("- name: a\n")
    prefix, told = "keycloak-token-exchange:", list[list[str]]()

    def pulumi(arguments: Any) -> str:
        if "--show-secrets" not in arguments:
            told.append(list(arguments))
        config = {"grants": json.dumps([{"name": "b"}]), "grantsFile": "g.yaml"}
        return json.dumps({prefix + key: {"value": value} for key, value in config.items()})

    StackRuns(None, pulumi).to_phase(["b", "a"], "both")
    assert (tmp_path / "g.yaml").read_text() == "- name: a\n  migration: both\n"
    assert told == [["config", "set-all", "--path", "--plaintext", f"{prefix}grants[0].migration=both"]]
    (tmp_path / "g.yaml").write_text("{}")
    with pytest.raises(StackProblem, match=r"file 'g\.yaml', line 1: is not a list of grants"):
        StackRuns(None, pulumi).to_phase(["a"], "both")
