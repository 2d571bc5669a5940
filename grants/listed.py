"""The grants that a stack lists, in its config or in files: read here by the program, its plugin and all commands."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grants.grant_file import ENDINGS, MOST_BYTES, UnfitFile, grants_in, place_of
from grants.odd import CONFIG_LARGE
from kcadmin.rest.project import project_folder
from kcadmin.rest.texts import named, shown

GRANTS, GRANTS_FILE = "grants", "grantsFile"
LINUX_LIMIT, LARGE = 131_072, 100 * 1024
"""The bytes that Linux allows for one variable of a process, with its name; and the bytes from which a warning is shown."""


@dataclass(frozen=True)
class Listed:
    """A grant as people wrote it. number: from 0, in its list. file: that it is in; None for the config.

    place: the file and the line, as sentences name them; empty for the config.
    """

    given: Mapping[str, Any]
    number: int
    file: Path | None = None
    place: str = ""


@dataclass(frozen=True)
class Listing:
    """The grants that a stack lists, and their faults."""

    grants: Sequence[Listed]
    faults: Sequence[str] = ()


def listed_grants(config: Callable[[str], object], project: Path | None = None) -> Listing:
    """All grants of a stack.

    :param config: gives the text of a config key, or None. project: its folder; found from the current one where not given.
    """
    files = str(config(GRANTS_FILE) or "")
    found, faults = _in_config(config(GRANTS), needed=not files)
    if files:
        try:
            for name, file in files_of(files, project):
                more, wrong = _in_file(name, file)
                found, faults = found + more, faults + wrong
        except UnfitFile as problem:
            faults.append(f"config {named(GRANTS_FILE)}: {shown(files)} {problem}.")
    return Listing(found, faults)


def files_of(given: str, project: Path | None = None) -> list[tuple[str, Path]]:
    """The files of ``grantsFile``, in the order of their names, each with its name as sentences show it.

    :raises UnfitFile: there are none, or they are too large.
    """
    place = (project or project_folder()) / given
    try:
        if not place.is_dir():
            if not place.is_file():
                raise UnfitFile("is not a file or folder in the project's folder; correct the path")
            if place.suffix not in ENDINGS:
                raise UnfitFile(f"does not end with one of {', '.join(ENDINGS)}; rename it")
            return [(given, place)]
        there = sorted(each for each in place.iterdir() if not each.name.startswith("."))
        if folders := [each.name for each in there if each.is_dir()]:
            raise UnfitFile(
                f"contains the folder {named(folders[0])}, which is not read; put its files beside the others"
            )
        meant = [each for each in there if each.suffix.strip().lower() in ENDINGS]
        files = [each for each in meant if each.suffix in ENDINGS and each.is_file()]
        if lost := [each.name for each in meant if each not in files]:
            wrong = f"contains {named(lost[0])}, which is not a file with the ending {', '.join(ENDINGS)}"
            raise UnfitFile(f"{wrong}; correct it, so that its grants are not removed, or take it away")
        size = sum(each.stat().st_size for each in files)
    except OSError as problem:
        raise UnfitFile(f"cannot be read ({problem.strerror}); correct the path or its permissions") from None
    if not files:
        raise UnfitFile(f"contains no file with the ending {', '.join(ENDINGS)}; write [] into one for no grants")
    if size > MOST_BYTES:
        raise UnfitFile(f"holds more than {MOST_BYTES:,} bytes; divide it between stacks")
    return [(str(Path(given) / each.name), each) for each in files]


def too_large(config: str) -> str | None:
    """Warns if a config is nearly too large for Pulumi to start the program. Beyond the limit the program cannot report it.

    :param config: as Pulumi hands it over, in one variable: JSON in which the grants are a text, so their quotes count twice.
    """
    if (size := len(f"PULUMI_CONFIG={config}".encode())) < LARGE:
        return None
    odd = CONFIG_LARGE.told(size=f"{size:,}", limit=f"{LINUX_LIMIT:,}")
    return f"config: {odd.wrong}; {odd.remedy}."


def _in_config(text: object, *, needed: bool) -> tuple[list[Listed], list[str]]:
    if not text:
        missing = f"config '{GRANTS}': is not set; list the grants, set {GRANTS_FILE}, or set it to [] for none."
        return [], [missing] if needed else []
    try:
        raw = json.loads(str(text))
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        return [], [f"config '{GRANTS}': is not a list of grants; give each with name, sources and target."]
    return [Listed(each, number) for number, each in enumerate(raw)], []


def _in_file(name: str, file: Path) -> tuple[list[Listed], list[str]]:
    try:
        found = grants_in(file)
    except UnfitFile as problem:
        where = place_of(name, problem.line) if problem.line else named(name)
        return [], [f"file {where}: {problem}."]
    return [Listed(given, number, file, place_of(name, line)) for number, (given, line) in enumerate(found)], []
