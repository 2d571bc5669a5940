"""Grants in files: what is read, where each is, what is refused with file and line, and that the config may hold some too."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings import parse_settings
from grants import grant_file, listed
from grants.conflicts import duplicates
from grants.grant_file import UnfitFile, parsed
from grants.listed import listed_grants
from grants.spec import GrantSpec, read_grant
from kcadmin.rest.errors import InvalidSettings
from providers.base.expected_clients import clients_by_realm
from tests.support.examples import examples

GRANT = {"name": "g", "sources": ["web"], "target": "api"}
BASE = {"url": "https://keycloak.test", "adminPassword": "pw", "realm": "r"}
YAML = """# who may act for whom
- name: g
  sources: &web [web]
  target: api
  reviewBy: 2027-01-01
- {name: no, sources: *web, target: 22:00, reason: "ümläut"}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder is below the project's, as with ``main`` in Pulumi.yaml."""
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    (tmp_path / "app").mkdir()
    monkeypatch.chdir(tmp_path / "app")
    return tmp_path


def specs(project: Path, text: str, name: str = "grants.yaml", **config: Any) -> tuple[GrantSpec, ...]:
    (project / name).write_text(text, encoding="utf-8")
    return parse_settings({**BASE, "grantsFile": name, **config}.get, "me").grants


def faults(project: Path, text: str, name: str = "grants.yaml", **config: Any) -> list[str]:
    with pytest.raises(InvalidSettings) as caught:
        specs(project, text, name, **config)
    return list(caught.value.faults)


def test_a_file_is_read_as_yaml_of_today(project: Path) -> None:
    first, second = specs(project, YAML)
    assert (first.name, first.review_by, first.place) == ("g", "2027-01-01", "'grants.yaml', line 2")
    assert (second.name, second.sources, second.target, second.reason) == ("no", ("web",), "22:00", "ümläut")
    assert (
        second.place == "'grants.yaml', line 6"
        and second
        == read_grant(
            {"name": "no", "sources": ["web"], "target": "22:00", "reason": "ümläut"}, {"realm": "r", "owner": "me"}
        )[0]
    )  # where it is does not make it another
    dos = YAML.replace("\n", "\r\n")
    assert specs(project, f"\ufeff{dos}") == (first, second)


@pytest.mark.parametrize("space", ["", "\n", "\n\t"])
def test_json_tells_lines_too(project: Path, space: str) -> None:
    text = json.dumps([GRANT, {**GRANT, "name": "😀"}], indent=space or None)
    lines = [spec.place.rpartition(" ")[2] for spec in specs(project, text, "grants.json")]
    starts = [text[:at].count("\n") + 1 for at, letter in enumerate(text) if letter == "{"]
    assert lines == [str(each) for each in starts]
    assert specs(project, " [ ] ", "grants.json") == () and specs(project, "[]") == ()


def test_a_folder_and_the_config_beside_it(project: Path) -> None:
    folder = project / "grants"
    folder.mkdir()
    for name, text in {
        "b.yml": YAML,
        "a.json": json.dumps([{**GRANT, "name": "j"}]),
        "README.md": "x",
        ".c.yaml": "x",
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    config = {**BASE, "grantsFile": "grants", "grants": json.dumps([{**GRANT, "name": "c", "target": "hub"}])}
    found = parse_settings(config.get, "me").grants
    assert [(spec.name, spec.place) for spec in found] == [
        ("c", ""),
        ("j", "'grants/a.json', line 1"),
        ("g", "'grants/b.yml', line 2"),
        ("no", "'grants/b.yml', line 6"),
    ]
    assert clients_by_realm(config.get) == {"r": 4}  # what the plugin counts: web, hub, api, 22:00
    (folder / "more").mkdir()
    (fault,) = listed_grants(config.get).faults
    assert fault.startswith("config 'grantsFile': 'grants' contains the folder 'more', which is not read; ")


def test_the_same_name_twice_tells_both_places(project: Path) -> None:
    found = specs(project, YAML, grants=json.dumps([GRANT]))
    told = list(duplicates(found))
    where = "the name is used by several grants, in the stack's config and in 'grants.yaml', line 2; give each its own."
    assert told == [f"grant 'g' in realm 'r': {where}", f"grant 'g' in realm 'r' ('grants.yaml', line 2): {where}"]


def test_what_is_wrong_with_a_grant_is_told_with_its_line(project: Path) -> None:
    assert faults(
        project,
        "- {name: g, sources: [4711], target: api}\n\n- name: h\n  sorces: [web]\n  sources: [a]\n  target: a\n",
    ) == [
        "grant 'g' in realm 'r' ('grants.yaml', line 1): sources is [4711]; give a list of names, in quotes.",
        "grant 'h' in realm 'r' ('grants.yaml', line 3): has the unknown key 'sorces'; did you mean 'sources'?",
    ]
    (fault,) = faults(project, "- {name: g, sources: [api], target: api}")
    assert fault == "grant 'g' in realm 'r' ('grants.yaml', line 1): target 'api' is also a source; name two clients."


LAUGHS = "- &a0 [x]\n" + "".join(f"- &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 15))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "file 'grants.yaml': is not a list of grants; "),
        ("grants: []", "file 'grants.yaml', line 1: is not a list of grants; "),
        ("- g", "file 'grants.yaml', line 1: contains 'g', which is not a grant; "),
        ("- name: g\n\tx: 1", "file 'grants.yaml', line 2: is not YAML as expected ("),
        ("[]\n---\n[]", "file 'grants.yaml', line 2: is not YAML as expected ("),
        ("- name: a\n  name: b", "file 'grants.yaml', line 1: has the key 'name' twice in one grant; "),
        ("- !!python/object/apply:os.system ['true']", "file 'grants.yaml', line 1: is not YAML as expected ("),
        ("- &a\n  sources: *a", "refer to themselves"),
        (LAUGHS, "to too much; write the values out"),
        ("[" * 100_000, "is not YAML as expected ("),
        ("- {[1]: 2}", "is not YAML as expected ("),
        ("- {tokenLifespan: !!int x}", "contains a value that does not fit its tag"),
        ("- name: \x07", "is not YAML as expected ("),
    ],
    ids=range(13),
)  # fmt: skip
def test_a_file_that_is_no_list_of_grants(project: Path, text: str, words: str) -> None:
    (fault,) = faults(project, text)
    assert words in fault and "; " in fault and fault.endswith(".") and fault.isprintable()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "is not a list of grants"),
        ('[{"name": "g",}]', "file 'grants.json', line 1: is not JSON ("),
        ('[{"name": 1, "name": 2}]', "has the key 'name' twice"),
        ("[" * 100_000, "is too large"),
        (f"[{'9' * 5000}]", "is too large"),
        ("[5]", "file 'grants.json', line 1: contains 5, which is not a grant"),
    ],
    ids=range(6),
)
def test_a_file_that_is_no_json(project: Path, text: str, words: str) -> None:
    (fault,) = faults(project, text, "grants.json")
    assert words in fault and "; " in fault


@examples(100)
@given(st.text("-[]{}:,&*!|>#\"'\n \tabc01~<", max_size=40), st.booleans())
def test_any_text_is_read_or_refused(text: str, is_json: bool) -> None:
    try:
        assert all(isinstance(each, dict) and line >= 1 for each, line in parsed(text, is_json=is_json))
    except UnfitFile as refused:
        assert "; " in str(refused)


def test_files_that_cannot_be_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def of(name: str, **config: Any) -> list[str]:
        return list(listed_grants({"grantsFile": name, **config}.get).faults)

    (project / "empty").mkdir()
    (project / "latin.yaml").write_bytes(b"- \xff")
    (project / "grants.txt").write_text("[]")
    assert of("none.yaml") == [
        "config 'grantsFile': 'none.yaml' is not a file or folder in the project's folder; correct the path."
    ]
    (too_long,) = of("x" * 10_000)
    assert "(File name too long); correct the path" in too_long and len(too_long) < 300, too_long
    assert "'empty' contains no file with the ending .yaml, .yml, .json; " in of("empty")[0]
    assert "'grants.txt' does not end with one of .yaml, .yml, .json; rename it." in of("grants.txt")[0]
    assert of("latin.yaml") == ["file 'latin.yaml': is not UTF-8; save it as UTF-8."]
    assert of("latin.yaml", grants="{}")[0].startswith("config 'grants': is not a list")
    for name in ("orders.YAML", "orders.json "):
        (project / "empty" / name).write_text("[]")
        assert (
            f"contains '{name}', which is not a file with the ending .yaml, .yml, .json; correct it" in of("empty")[0]
        )
        (project / "empty" / name).unlink()
    (project / "empty" / "orders.yaml").symlink_to("gone.yaml")
    assert "contains 'orders.yaml', which is not a file with the ending .yaml" in of("empty")[0]
    (project / "empty" / "orders.yaml").unlink()
    (project / "empty" / "orders.yaml.orig").write_text("nothing")
    monkeypatch.setattr(grant_file, "MOST_BYTES", 2)
    monkeypatch.setattr(listed, "MOST_BYTES", 2)
    (project / "empty" / "a.yaml").write_text("[   ]")
    (project / "large.yaml").write_text("[   ]")
    assert of("large.yaml") == ["file 'large.yaml': has more than 2 bytes; divide it, in a folder or between stacks."]
    assert "'empty' holds more than 2 bytes; " in of("empty")[0]
