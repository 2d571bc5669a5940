"""What the plots show: points by the number of grants, a line a competitor, a field a phase."""

import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from bench.cases import CURL, ENGINE, OURS, PHASES, SERVER, TOFU, label
from bench.tables import timed

Json = dict[str, Any]
Points = list[tuple[int, float]]
PLOTTED = (OURS, ENGINE, SERVER, CURL, TOFU)
FLOORS = "both floors"


class Line(NamedTuple):
    """One line of a field. checkpoints: whether Pulumi wrote them; those that are not Pulumi's have one line."""

    name: str
    checkpoints: bool = True


def seconds_of(cases: Mapping[str, Json], phase: str) -> dict[Line, Points]:
    """The medians by competitor, with Pulumi's checkpoints and without; and the sums of both floors."""
    found: dict[Line, Points] = {}
    for grants, case in cases.items():
        for line in map(Line, PLOTTED):
            variants = (line, line._replace(checkpoints=False)) if line.name in (OURS, ENGINE) else (line,)
            for each in variants:
                known = timed(case, label(each.name, int(grants), checkpoints=each.checkpoints), phase)
                if known:
                    found.setdefault(each, []).append((int(grants), statistics.median(known[1])))
    server = dict(found.get(Line(SERVER), ()))
    for checkpoints in (True, False):
        engine = found.get(Line(ENGINE, checkpoints), ())
        both = [(grants, value + server[grants]) for grants, value in engine if grants in server]
        if both:
            found[Line(FLOORS, checkpoints)] = both
    return found


def requests_of(cases: Mapping[str, Json], phase: str) -> dict[Line, Points]:
    """By competitor; the engine alone asks nobody, and checkpoints change nothing."""
    found: dict[Line, Points] = {}
    for grants, case in cases.items():
        for competitor in (each for each in PLOTTED if each != ENGINE):
            known = case.get(competitor, {}).get("phases", {}).get(phase)
            if known:
                found.setdefault(Line(competitor), []).append((int(grants), known["requests"]))
    return found


def fewest_rounds(cases: Mapping[str, Json]) -> int:
    """Of all that is plotted; 0 where nothing was timed."""
    found = (
        timed(case, label(each, int(grants), checkpoints=checkpoints), phase)
        for grants, case in cases.items()
        for each in PLOTTED
        for checkpoints in (True, False)
        for phase in PHASES
    )
    return min((len(each[1]) for each in found if each), default=0)
