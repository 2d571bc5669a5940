"""Grants put into a stack's config file: everything else stays as it is, line by line, or the file is refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from exchange.inventory import config_file
from exchange.inventory.config_file import FileRefused, as_config, changed, grant_file_of, size_warning, write
from exchange.inventory.grants import ExistingGrant, Inventory
from grants.grant_file import grants_in
from kcadmin.rest.errors import Refusal
from reach.existing_policies import Window

URL = "https://kc.example.com"
PREFIX = "keycloak-token-exchange"
PLAIN = ExistingGrant("a-to-b", "standard", ("a",), "b", ("requester",), None, False)
ODD = ExistingGrant(
    'odd: "x"',
    "legacy",
    ("no", "1e3", "ümläut #1"),
    "it's",
    ("requester",),
    None,
    True,
    roles=(("", "staff"), ("it's", "r, [1]")),
    window=Window("09:00", "17:00", None, "2099-01-01 00:00:00"),
)


@pytest.fixture(autouse=True, scope="module")
def one_owner() -> Iterator[None]:
    """A proposal holds a random part."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config_file, "proposed_owner", lambda *words: f"owner of {', '.join(words)}")
        yield


def place(realm: str = "r") -> dict[str, str]:
    return {f"{PREFIX}:url": URL, f"{PREFIX}:realm": realm, f"{PREFIX}:owner": f"owner of {realm}"}


def found(*grants: ExistingGrant, realm: str = "r") -> Inventory:
    return Inventory(realm, grants or (PLAIN,), ())


def put(text: str, replace: bool = False, **more: Any) -> str:
    return changed(text, found(**more), URL, "Pulumi.x.yaml", replace=replace)


def config(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text)["config"])


def test_what_is_printed_is_a_whole_config() -> None:
    assert config(as_config(found(PLAIN, ODD), URL)) == {**place(), f"{PREFIX}:grants": [PLAIN.config(), ODD.config()]}
    assert config(as_config(Inventory("on", (), ()), URL))[f"{PREFIX}:grants"] == []
    assert config(as_config(Inventory("on", (), ()), URL))[f"{PREFIX}:realm"] == "on"


@pytest.mark.parametrize(
    "text", ["", "# mine\n", "encryptionsalt: v1:abc=\n", "encryptionsalt: v1:abc=", "config: {}\n", "config:\n"]
)
def test_a_file_that_says_nothing_of_the_project_gets_all(text: str) -> None:
    after = put(text)
    assert config(after) == {**place(), f"{PREFIX}:grants": [PLAIN.config()]}
    assert after.startswith(text.replace(" {}", "").rstrip("\n"))


FILE = f"""# who may edit this: us
encryptionsalt: v1:abc=   # keep
config:
  # where
  {PREFIX}:realm: r
  {PREFIX}:url: {URL}/
  {PREFIX}:grants:  # by hand

    - name: old
      # why
      sources: [x]
      target: y
  # below
  other:secret:
    secure: v1:xyz
# the end
"""


def test_only_the_block_of_grants_is_replaced() -> None:
    after = put(FILE, replace=True)
    assert config(after)[f"{PREFIX}:grants"] == [PLAIN.config()]
    before = FILE.splitlines()
    assert after.splitlines()[:6] == before[:6] and after.splitlines()[-4:] == before[-4:]
    assert len(after.splitlines()) == 6 + 1 + len(PLAIN.config()) + 4
    assert put(after, replace=True) == after


@pytest.mark.parametrize(
    "value", ["[]", "\n  - name: old\n    sources: [x]\n    target: y\n  - name: older", "[{name: old}]"]
)
def test_grants_in_every_form_of_a_list(value: str) -> None:
    text = f"config:\n  {PREFIX}:grants: {value}\n  {PREFIX}:realm: r\n"
    assert config(put(text, replace=True)) == {f"{PREFIX}:grants": [PLAIN.config()], f"{PREFIX}:realm": "r"}


def test_a_file_of_another_realm_names_the_realm_in_each_grant() -> None:
    text = f"config:\n    {PREFIX}:realm: other\n"
    assert config(put(text))[f"{PREFIX}:grants"] == [{**PLAIN.config(), "realm": "r"}]
    assert config(put(f"config:\n  {PREFIX}:exchange: auto\n"))[f"{PREFIX}:grants"][0]["realm"] == "r"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FILE, "holds grants already; give --replace"),
        (f"config:\n  {PREFIX}:url: https://other.example.com\n", "is of the server at 'https://other.example.com'"),
        ("config: [", "is not YAML in line 1"),
        ("- a\n", "does not contain a mapping"),
        ("config: [1]\n", "its 'config' is not a mapping"),
        ('{"config": {"a:b": 1}}', "lines cannot be replaced in place"),
        ("config: {a:b: 1}\n", "lines cannot be replaced in place"),
        (f"a: &x\n  - 1\nconfig:\n  {PREFIX}:grants: &y []\n  other: *y\n", "lines cannot be replaced in place"),
    ],
)
def test_what_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(text)
    with pytest.raises(FileRefused, match=words.replace("(", r"\(")):
        write(found(), URL, file, replace=False)
    assert file.read_text() == text


@pytest.mark.parametrize(
    "name",
    ["yes", "1.0", "null", "~", ": ", "#", "a\nb: c", "\x7f\x85\u2028\u202e\x1b", "🔑\U000e0041", '"\\', "${x}", "- a"],
)
def test_any_name_is_read_as_it_is_in_the_realm(name: str) -> None:
    odd = ExistingGrant("g", "standard", (name,), name, ("requester",), None, False, roles=((name, name),))
    for text in (as_config(found(odd, realm=name), URL), changed("", found(odd, realm=name), URL, "f", replace=False)):
        assert config(text) == {**place(name), f"{PREFIX}:grants": [odd.config()]}
        assert all(line.isprintable() for line in text.split("\n"))
    assert config(as_config(found(), f"{URL}/ #"))[f"{PREFIX}:url"] == f"{URL}/ #"


def test_a_file_keeps_its_mode_and_no_other_is_left(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(FILE)
    file.chmod(0o600)
    write(found(), URL, file, replace=True)
    assert file.stat().st_mode & 0o777 == 0o600 and [each.name for each in tmp_path.iterdir()] == ["Pulumi.x.yaml"]
    with pytest.raises(FileRefused, match="cannot be changed"):
        write(found(), URL, tmp_path / "no" / "such.yaml", replace=True)


@pytest.mark.parametrize(
    ("listed", "name"),
    [("g.yaml", "g.yaml"), ("g.json", "g.json"), ("grants", "grants/r.yaml"), ("sub/x.yml", "sub/x.yml")],
)
def test_grants_go_into_the_file_that_the_stack_names(tmp_path: Path, listed: str, name: str) -> None:
    stack, own = tmp_path / "Pulumi.x.yaml", tmp_path / name
    own.parent.mkdir(exist_ok=True)
    text = f"config:\n  {PREFIX}:grantsFile: {listed}\n  {PREFIX}:realm: r\n"
    stack.write_text(text)
    odd = replace(ODD, sources=("no", "1e3", "22:00", "2001-01-01", "ümläut #1"))
    assert write(found(PLAIN, odd), URL, stack, replace=False) == own
    assert [given for given, _ in grants_in(own)] == [PLAIN.config(), odd.config()] and stack.read_text() == text
    with pytest.raises(FileRefused, match="holds grants already; give --replace"):
        write(found(), URL, stack, replace=False)
    write(found(), URL, stack, replace=True)
    assert [given for given, _ in grants_in(own)] == [PLAIN.config()]
    stack.write_text(text.replace("realm: r", "realm: other"))
    write(found(), URL, stack, replace=True)
    assert [given["realm"] for given, _ in grants_in(own)] == ["r"]
    own.write_text("{")
    for more, words in ((f"  {PREFIX}:grants: [{{name: a}}]\n", "lists grants beside grantsFile"), ("", "is not")):
        stack.write_text(text + more)
        with pytest.raises(FileRefused, match=words):
            write(found(), URL, stack, replace=True)
    assert own.read_text() == "{"


def test_a_realms_name_is_no_path() -> None:
    assert grant_file_of("grants", Path("/p"), "../a/ü").name == "---a--.yaml"


def test_more_grants_than_a_config_takes() -> None:
    assert size_warning(found()) is None
    assert "grantsFile" in str(size_warning(found(*[PLAIN] * 1000)))


NAME = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("[]{},:#&*!|>-?%@`'\"\\ \n\t\x85\u2028\u202e"),
    min_size=1,
) | st.sampled_from(
    ["https://a,shop", "http://a]", "https://a: b", "0o14", "1e3", "0x1F", "=", "<<", "~", "No", "2001-01-01"]
)


@given(
    NAME,
    NAME,
    NAME,
    st.sampled_from(["", "config:\n    a:b: c   # mine\n", "config:\n  a:b: c\nencryptionsalt: v1:x\n"]),
)
def test_names_of_all_shapes_are_read_back(source: str, target: str, name: str, before: str) -> None:
    roles = ((source, name), ("", name))
    grant = ExistingGrant(name, "standard", (source, target), target, ("requester",), None, False, roles=roles)
    of_realm = found(grant, realm=name)
    for text in (as_config(of_realm, URL), changed(before, of_realm, URL, "Pulumi.x.yaml", replace=False)):
        assert config(text)[f"{PREFIX}:grants"] == [grant.config()]


def test_a_client_id_is_no_yaml() -> None:
    grant = ExistingGrant("g", "standard", ("https://a,shop",), "https://o]", ("requester",), None, False)
    assert config(as_config(found(grant), URL))[f"{PREFIX}:grants"][0]["sources"] == ["https://a,shop"]


def test_what_yaml_does_not_give_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange.inventory.config_file.as_yaml", lambda value: "config: {}")
    with pytest.raises(Refusal, match="realm 'r': contains names that YAML cannot represent; use --json"):
        as_config(found(), URL)
