"""Tables of results, in Markdown."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.cases import PHASES, in_words
from bench.competitors import (
    COMPETITORS,
    CURL,
    ENGINE,
    NAMES,
    OURS,
    PACKAGE,
    PACKAGE_REALM,
    REALM,
    SERVER,
    TOFU,
    label,
)

Json = dict[str, Any]
NONE = "–"
PROCESSES = ("pulumi", "program", "plugin")
Row = list[str]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, with numbers at the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def seconds(values: Sequence[float]) -> str:
    """The median, and between which seconds all rounds lie."""
    return f"{number(statistics.median(values))} ({number(min(values))}–{number(max(values))})"


def number(value: float) -> str:
    """Three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def timed(case: Json, competitor: str, phase: str) -> tuple[str, list[float]] | None:
    """In which run a phase was timed, and the seconds of its rounds."""
    found = case.get(competitor, {}).get("phases", {}).get(phase, {}).get("timed")
    return (found["run"], found["seconds"]) if found else None


def ratio(case: Json, over: str, under: Sequence[str], phase: str) -> float | None:
    """Of the medians, where one run has measured them all; else None. Several below the line are added up."""
    found = [timed(case, each, phase) for each in (over, *under)]
    known = [each for each in found if each is not None]
    if len(known) < len(found) or len({run for run, _ in known}) > 1:
        return None
    top, *rest = (statistics.median(values) for _, values in known)
    return top / sum(rest)


def time_rows(cases: Mapping[str, Json]) -> Iterator[Row]:
    """By phase and grants: seconds of each competitor, the ratios, the fewest rounds of that row."""
    columns = COMPETITORS
    for phase in PHASES:
        for grants, case in cases.items():
            found = {each: timed(case, each, phase) for each in columns}
            there = [values for each in found.values() if each for values in [each[1]]]
            if not there:
                continue
            cells = {each: seconds(known[1]) if known else NONE for each, known in found.items()}
            ratios = [ratio(case, OURS, under, phase) for under in ((ENGINE, SERVER), (TOFU,))]
            to_floors, to_tofu = (f"{each:.2f}" if each else NONE for each in ratios)
            rounds = str(min(map(len, there)))
            yield [
                PHASES[phase], f"{int(grants):,}", cells[OURS], cells[REALM], cells[ENGINE], cells[SERVER],
                to_floors, cells[CURL], cells[TOFU], to_tofu, rounds,
            ]  # fmt: skip


def time_table(cases: Mapping[str, Json]) -> str:
    head = ["seconds", "grants", NAMES[OURS], NAMES[REALM], NAMES[ENGINE], NAMES[SERVER], "÷ floors", NAMES[CURL],
            NAMES[TOFU], f"÷ {NAMES[TOFU]}", "rounds"]  # fmt: skip
    return _with_columns_that_say_something(head, list(time_rows(cases)))


def request_table(cases: Mapping[str, Json]) -> str:
    """By phase and grants: requests and connections of ours, requests of the others."""
    head = [
        "requests",
        "grants",
        NAMES[OURS],
        "writes",
        "logins",
        "connections",
        NAMES[REALM],
        NAMES[SERVER],
        NAMES[CURL],
        NAMES[TOFU],
    ]
    rows = []
    for phase in PHASES:
        for grants, case in cases.items():
            found = {
                each: case.get(each, {}).get("phases", {}).get(phase) for each in (OURS, REALM, SERVER, CURL, TOFU)
            }
            if not any(found.values()):
                continue
            ours = found[OURS]
            own = [f"{ours[key]:,}" if ours else NONE for key in ("requests", "writes", "logins", "connections")]
            others = [f"{each['requests']:,}" if each else NONE for name, each in found.items() if name != OURS]
            rows.append([PHASES[phase], f"{int(grants):,}", *own, *others])
    return _with_columns_that_say_something(head, rows)


def beside_table(cases: Mapping[str, Json], other: str) -> str:
    """Where another kind of grants was run: what they cost beside grants that are planned together."""
    rows = []
    for phase in PHASES:
        for grants, case in cases.items():
            both = [case.get(each, {}).get("phases", {}).get(phase) for each in (OURS, other)]
            if all(both):
                asked = [f"{each['requests']:,}" for each in both if each]
                times = [timed(case, each, phase) for each in (OURS, other)]
                took = [seconds(each[1]) if each and ratio(case, other, (OURS,), phase) else NONE for each in times]
                rows.append([PHASES[phase], f"{int(grants):,}", *asked, *took])
    head = ["phase", "grants", "requests", f"requests, {other}", "seconds", f"seconds, {other}"]
    return _with_columns_that_say_something(head, rows)


def memory_table(cases: Mapping[str, Json]) -> str:
    """By grants: the peak of each process in any phase, of ours and of the package, where the program is Pulumi's for YAML."""
    rows = []
    for name, (grants, case) in ((name, each) for name in (OURS, PACKAGE, PACKAGE_REALM) for each in cases.items()):
        phases = case.get(name, {}).get("phases", {}).values()
        peaks = [max((each["memory"].get(kind, 0) for each in phases), default=0) for kind in PROCESSES]
        if any(peaks):
            what = f"{int(grants):,}{'' if name == OURS else f', {NAMES[name]}'}"
            rows.append([what, *(f"{peak:.0f}" if peak else NONE for peak in peaks)])
    return table(["grants", *PROCESSES], rows) if rows else ""


def state_table(cases: Mapping[str, Json]) -> str:
    """By grants: bytes a grant, of which each part."""
    known = {grants: case[OURS]["state"] for grants, case in cases.items() if "state" in case.get(OURS, {})}
    if not known:
        return ""
    parts = list(dict.fromkeys(part for state in reversed(known.values()) for part in state["parts"]))
    rows = [["the whole", *(f"{state['bytes_a_grant']:,}" for state in known.values())]]
    rows += [[part, *(f"{state['parts'].get(part, 0):,}" for state in known.values())] for part in parts]
    for other in (REALM, PACKAGE, PACKAGE_REALM, TOFU):
        others = [cases[grants].get(other, {}).get("state") for grants in known]
        if any(others):
            rows.append([NAMES[other], *(f"{each['bytes_a_grant']:,}" if each else NONE for each in others)])
    return table(["bytes a grant", *(in_words(int(grants)) for grants in known)], rows)


def checkpoint_table(cases: Mapping[str, Json]) -> str:
    """Seconds with and without Pulumi's checkpoints, where both were measured."""
    rows = []
    for phase in PHASES:
        for grants, case in cases.items():
            variants = {each: label(OURS, int(grants), checkpoints=each) for each in (True, False)}
            found = {each: timed(case, name, phase) for each, name in variants.items()}
            with_, without = found[True], found[False]
            if with_ and without:
                rounds = str(min(len(with_[1]), len(without[1])))
                rows.append([PHASES[phase], f"{int(grants):,}", seconds(with_[1]), seconds(without[1]), rounds])
    return table(["seconds", "grants", "with checkpoints", "without", "rounds"], rows) if rows else ""


def _with_columns_that_say_something(head: Sequence[str], rows: Sequence[Row]) -> str:
    kept = [place for place in range(len(head)) if any(row[place] != NONE for row in rows)]
    return table([head[each] for each in kept], [[row[each] for each in kept] for row in rows]) if rows else ""
