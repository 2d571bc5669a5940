"""What the plots show: points by the number of grants, a line per competitor, a field per phase."""

import statistics
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bench.cases import PHASES
from bench.competitors import BESIDE, COMPETITORS, ENGINE, PULUMI, SERVER, label
from bench.tables import timed

Json = dict[str, Any]
Points = list[tuple[int, float]]
FLOORS = "both floors"


class Line(NamedTuple):
    """One line of a field. checkpoints: whether Pulumi wrote them; a competitor without Pulumi has one line."""

    name: str
    checkpoints: bool = True


DRAWN = tuple(each for each in COMPETITORS if each not in BESIDE)
LINES = [*map(Line, DRAWN), *(Line(each, checkpoints=False) for each in DRAWN if each in PULUMI)]


def seconds_of(cases: Mapping[str, Json], phase: str) -> dict[Line, Points]:
    """The medians by competitor, with Pulumi's checkpoints and without; and the sums of both floors."""
    found: dict[Line, Points] = {}
    for line, grants, rounds in _timed(cases, phase):
        found.setdefault(line, []).append((grants, statistics.median(rounds)))
    server = dict(found.get(Line(SERVER), ()))
    for checkpoints in (True, False):
        engine = found.get(Line(ENGINE, checkpoints), ())
        both = [(grants, value + server[grants]) for grants, value in engine if grants in server]
        if both:
            found[Line(FLOORS, checkpoints)] = both
    return found


def requests_of(cases: Mapping[str, Json], phase: str) -> dict[Line, Points]:
    """By competitor, with checkpoints or without as measured by default; the engine alone asks nobody."""
    found: dict[Line, Points] = {}
    for grants, case in cases.items():
        for competitor in (each for each in DRAWN if each != ENGINE):
            known = case.get(competitor, {}).get("phases", {}).get(phase)
            if known:
                found.setdefault(Line(competitor), []).append((int(grants), known["requests"]))
    return found


def fewest_rounds(cases: Mapping[str, Json]) -> int:
    """Of all that is plotted; 0 where nothing was timed."""
    return min((len(rounds) for phase in PHASES for _, _, rounds in _timed(cases, phase)), default=0)


def _timed(cases: Mapping[str, Json], phase: str) -> Iterator[tuple[Line, int, list[float]]]:
    """Each line's grants, with the seconds of their rounds."""
    for grants, case in cases.items():
        for line in LINES:
            known = timed(case, label(line.name, int(grants), checkpoints=line.checkpoints), phase)
            if known:
                yield line, int(grants), known[1]
