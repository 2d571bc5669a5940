"""Plots of results: seconds and requests by the number of grants, a field a phase."""

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib  # type: ignore[import-not-found]
from matplotlib import pyplot, ticker

from bench.cases import CURL, ENGINE, NAMES, OURS, PHASES, SERVER, TOFU
from bench.tables import timed

Json = dict[str, Any]
Points = list[tuple[int, float]]
WIDTH, HEIGHT = 11.0, 6.5  # inches
COLOURS = {OURS: "#0072B2", ENGINE: "#E69F00", SERVER: "#009E73", CURL: "#CC79A7", TOFU: "#D55E00"}
"""Told apart by people who see few colours, too (Okabe and Ito)."""
FLOORS = "both floors"
LINES = {**dict.fromkeys(COLOURS, "o-"), FLOORS: ":"}


def draw(results: Json, folder: Path) -> None:
    """Writes ``seconds-<exchange>.svg`` and ``requests-<exchange>.svg``; of nothing there is no plot."""
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9})
    for exchange, cases in results["results"].items():
        rounds = fewest_rounds(cases)
        fields = {phase: seconds_of(cases, phase) for phase in PHASES}
        if rounds:
            title = f"Seconds by grants, {exchange} exchange (medians of {rounds} rounds or more)"
            _plot(fields, title, "seconds", folder / f"seconds-{exchange}.svg")
        fields = {phase: requests_of(cases, phase) for phase in PHASES}
        title = f"Requests by grants, {exchange} exchange"
        _plot(fields, title, "requests", folder / f"requests-{exchange}.svg")


def fewest_rounds(cases: Mapping[str, Json]) -> int:
    """Of all that is plotted; 0 where nothing was timed."""
    found = (timed(case, each, phase) for case in cases.values() for each in COLOURS for phase in PHASES)
    return min((len(each[1]) for each in found if each), default=0)


def seconds_of(cases: Mapping[str, Json], phase: str) -> dict[str, Points]:
    """The medians by competitor, and the sum of both floors."""
    found: dict[str, Points] = {}
    for grants, case in cases.items():
        for competitor in COLOURS:
            if known := timed(case, competitor, phase):
                found.setdefault(competitor, []).append((int(grants), statistics.median(known[1])))
    floors = [dict(found.get(each, ())) for each in (ENGINE, SERVER)]
    both = [(grants, floors[0][grants] + floors[1][grants]) for grants in floors[0] if grants in floors[1]]
    return {**found, FLOORS: both} if both else found


def requests_of(cases: Mapping[str, Json], phase: str) -> dict[str, Points]:
    """By competitor; the engine alone asks nobody."""
    found: dict[str, Points] = {}
    for grants, case in cases.items():
        for competitor in (each for each in COLOURS if each != ENGINE):
            known = case.get(competitor, {}).get("phases", {}).get(phase)
            if known:
                found.setdefault(competitor, []).append((int(grants), known["requests"]))
    return found


def _plot(fields: Mapping[str, Mapping[str, Points]], title: str, unit: str, file: Path) -> None:
    figure, axes = pyplot.subplots(2, 3, figsize=(WIDTH, HEIGHT), sharex=True, layout="constrained")
    for axis, (phase, lines) in zip(axes.flat, fields.items(), strict=True):
        for name, points in lines.items():
            grants, values = zip(*sorted(points), strict=True)
            axis.plot(
                grants, values, LINES[name], color=COLOURS.get(name, "black"), label=NAMES.get(name, name), markersize=4
            )
        axis.set(title=PHASES[phase].replace("`", ""), xscale="log", yscale="log")
        for each in (axis.xaxis, axis.yaxis):
            each.set_major_formatter(lambda value, _place: f"{value:,g}")
            each.set_minor_formatter(ticker.NullFormatter())
        axis.xaxis.set_major_locator(ticker.LogLocator())
        axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.grid(visible=True, which="major", alpha=0.3)
    for axis in axes[:, 0]:
        axis.set_ylabel(unit)
    for axis in axes[-1]:
        axis.set_xlabel("grants")
    known = {text: line for axis in axes.flat for line, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(known.values(), known.keys(), loc="outside lower center", ncols=len(known) or 1)
    figure.suptitle(title)
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
