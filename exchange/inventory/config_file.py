"""What a realm allows, as grants in a stack's config: read, written as YAML, and put into a file.

Only the block of ``grants`` is replaced; the file's other lines stay. The new file is read again and compared.
https://www.pulumi.com/docs/iac/concepts/config/
"""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from exchange.inventory.grants import Inventory, inventory
from exchange.inventory.permissions import PROVIDERS
from exchange.stack.stack import NAMESPACE
from exchange.terminal.files import write_whole
from grants.grant_file import ENDINGS, UnfitFile, grants_in, parsed
from grants.listed import too_large
from kcadmin.marks.proposals import proposed_owner
from kcadmin.rest.errors import Forbidden, NotFound, Refusal
from kcadmin.rest.project import project_folder
from kcadmin.rest.session import Session, path
from kcadmin.rest.texts import in_yaml, is_obeyed, named
from reach.roles import survey_roles
from reach.survey import Progress, Survey, survey

GRANTS, GRANTS_FILE, REALM, URL, OWNER = (
    f"{NAMESPACE}:{key}" for key in ("grants", "grantsFile", "realm", "url", "owner")
)
LONGEST_LINE = 10**9  # none is broken
_KEY = re.compile(r"keycloak-token-exchange:[A-Za-z]+")


class FileRefused(Refusal):
    """A file that cannot be changed safely."""


def take_inventory(session: Session, realm: str, progress: Progress = lambda what: None) -> Inventory:
    """Reads a realm, and describes it as grants. :raises KeycloakError: the realm cannot be read."""
    found = survey(session, realm, progress)
    at = path("admin", "realms", realm, "default-default-client-scopes")
    of_all = {str(each["name"]) for each in session.get(at)}
    return inventory(found, survey_roles(session, found, progress, late=True), _providers(session, found), of_all)


def as_config(found: Inventory, url: str) -> str:
    """A whole config: server, realm, owner and grants."""
    wanted = {"config": {**_place(found, url), GRANTS: _grants(found, None)}}
    text = as_yaml(wanted)
    if not _says_all(text, wanted):
        raise Refusal(f"realm {named(found.realm)}: contains names that YAML cannot represent; use --json.")
    return text


def size_warning(found: Inventory) -> str | None:
    """A remark if the grants are too large for a stack's config."""
    return too_large(json.dumps({GRANTS: json.dumps(_grants(found, None))}))


def write(found: Inventory, url: str, file: Path, *, replace: bool) -> Path:
    """Puts the grants into a stack's config file, which keeps all else, or into the file of grants that it names.

    Gives the file that was written. :param replace: grants that are in it may go.
    :raises FileRefused: they may not, or the file's lines cannot be replaced one by one.
    """
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        config = _config_in(text, str(file))
        if listed := str(config.get(GRANTS_FILE) or ""):
            _refuse_other_server(config, url, str(file))
            own = grant_file_of(listed, project_folder(file.parent), found.realm)
            write_whole(own, grants_text(own, config, found, str(file), replace=replace))
            return own
        write_whole(file, changed(text, found, url, str(file), replace=replace))
        return file
    except (OSError, UnicodeDecodeError) as problem:
        said = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise FileRefused(f"file {named(file)}: cannot be changed ({said}); give another with --write.") from None


def changed(text: str, found: Inventory, url: str, file: str, *, replace: bool) -> str:
    """The text of a config file with the grants in it. See ``write``."""
    before, config = _read(text, file), _config_in(text, file)
    if config.get(GRANTS) and not replace:
        raise FileRefused(f"file {named(file)}: holds grants already; give --replace to replace them.")
    _refuse_other_server(config, url, file)
    empty = not any(str(key).startswith(f"{NAMESPACE}:") for key in config)
    added = _place(found, url) if empty else {}
    realm = None if config.get(REALM, found.realm if empty else None) == found.realm else found.realm
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    after = "".join(_inserted(lines, found, added, realm))
    wanted = {**before, "config": {**config, **added, GRANTS: _grants(found, realm)}}
    if not _says_all(after, wanted):
        raise FileRefused(
            f"file {named(file)}: uses YAML flow style, whose lines cannot be replaced in place; write it in "
            "block style, a key on each line, or give another with --write."
        )
    return after


def grant_file_of(listed: str, project: Path, realm: str) -> Path:
    """The file of ``grantsFile`` for a realm's grants: that file, or one with the realm's name in that folder."""
    place = project / listed
    if place.is_dir() or place.suffix not in ENDINGS:
        return place / f"{re.sub('[^A-Za-z0-9_-]', '-', realm)}.yaml"
    return place


def grants_text(file: Path, config: Mapping[str, Any], found: Inventory, stack_file: str, *, replace: bool) -> str:
    """The text of a file of grants. See ``write``."""
    if config.get(GRANTS):
        raise FileRefused(
            f"file {named(stack_file)}: lists grants beside grantsFile; move them there, or take one out."
        )
    is_json = file.suffix == ".json"
    try:
        if file.exists() and grants_in(file) and not replace:
            raise FileRefused(f"file {named(file)}: holds grants already; give --replace to replace them.")
    except UnfitFile as problem:
        raise FileRefused(f"file {named(file)}: {problem}.") from None
    grants = _grants(found, None if config.get(REALM) == found.realm else found.realm)
    text = f"{json.dumps(grants, indent=2, ensure_ascii=False)}\n" if is_json else as_yaml(grants)
    if [given for given, _ in parsed(text, is_json=is_json)] != grants:
        raise FileRefused(
            f"file {named(file)}: YAML cannot represent the realm's names; use a file that ends in .json."
        )
    return text


def _refuse_other_server(config: Mapping[str, Any], url: str, file: str) -> None:
    other = str(config.get(URL) or url).rstrip("/")
    if other != url.rstrip("/"):
        raise FileRefused(
            f"file {named(file)}: is of the server at {named(other)}, not {named(url)}; give another with --write."
        )


def _config_in(text: str, file: str) -> dict[str, Any]:
    config = _read(text, file).get("config") or {}
    if not isinstance(config, dict):
        raise FileRefused(f"file {named(file)}: its 'config' is not a mapping; correct it.")
    return config


def _inserted(lines: list[str], found: Inventory, added: Mapping[str, str], realm: str | None) -> list[str]:
    """The lines of a file with those of the grants in the place of former ones, else at the end of ``config``."""
    start = next((at for at, line in enumerate(lines) if re.match(r"config:\s*(#.*|\{\s*\}\s*)?$", line)), None)
    if start is None:
        lines, start = [*lines, "config:\n"], len(lines)
    lines[start] = re.sub(r"\{\s*\}", "", lines[start])
    end = _end_of_block(lines, start, 0)
    indent = next((line[: len(line) - len(line.lstrip())] for line in lines[start + 1 : end] if _says(line)), "  ")
    key = next(
        (at for at in range(start + 1, end) if re.match(rf"{indent}[\"']?{re.escape(GRANTS)}[\"']?\s*:", lines[at])),
        None,
    )
    block = textwrap.indent(as_yaml({**added, GRANTS: _grants(found, realm)}), indent).splitlines(keepends=True)
    if key is None:
        return [*lines[:end], *block, *lines[end:]]
    return [*lines[:key], *block, *lines[_end_of_block(lines, key, len(indent)) :]]


def _end_of_block(lines: Sequence[str], start: int, indent: int) -> int:
    """Where the value of a key ends: before the next line that is not indented more, but for a list's own dashes."""
    end = start + 1
    for at in range(start + 1, len(lines)):
        line = lines[at]
        depth = len(line) - len(line.lstrip())
        if _says(line) and depth <= indent and not (depth == indent and line.lstrip().startswith("- ")):
            break
        if _says(line):
            end = at + 1
    return end


def _says(line: str) -> bool:
    """Whether a line is neither empty nor a comment."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _place(found: Inventory, url: str) -> dict[str, str]:
    return {URL: url, REALM: found.realm, OWNER: proposed_owner(found.realm)}


def _grants(found: Inventory, realm: str | None) -> list[dict[str, Any]]:
    return [{**grant.config(), **({"realm": realm} if realm else {})} for grant in found.grants]


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """YAML in our style, which Python and Go read alike: a text that one of them may read as something else is in quotes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        return True

    def text(self, value: str) -> yaml.Node:
        plain = in_yaml(value) == value or _KEY.fullmatch(value)
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _Dumper.text)


def as_yaml(value: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """YAML of a mapping or of grants, lists of texts in a line. Control characters are escaped, in texts with quotes."""
    style = None  # by content
    text = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=style, allow_unicode=True, sort_keys=False, width=LONGEST_LINE
    )
    return "".join(f"\\U{ord(each):08x}" if is_obeyed(each) and each != "\n" else each for each in text)


def _says_all(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return bool(yaml.safe_load(text) == wanted)
    except yaml.YAMLError:
        return False


def _read(text: str, file: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        where = getattr(problem, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise FileRefused(f"file {named(file)}: is not YAML{line}; correct it.") from None
    if found is not None and not isinstance(found, dict):
        raise FileRefused(
            f"file {named(file)}: does not contain a mapping; name a stack's config file, Pulumi.<stack>.yaml."
        )
    return dict(found or {})


def _providers(session: Session, found: Survey) -> dict[str, str]:
    """Aliases of identity providers by id, asked where a permission names one; none where the login may not see them."""
    if not any(name.startswith(PROVIDERS) for name in found.policies):
        return {}
    try:
        answer = session.get(path("admin", "realms", found.realm, "identity-provider", "instances"))
    except (Forbidden, NotFound):
        return {}
    return {str(each["internalId"]): str(each["alias"]) for each in answer}
