"""Plots of results: seconds and requests by the number of grants, a field a phase."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib  # type: ignore[import-not-found]
from matplotlib import pyplot, ticker

from bench.cases import PHASES
from bench.competitors import CURL, ENGINE, NAMES, OURS, REALM, SERVER, TOFU
from bench.lines import FLOORS, Line, Points, fewest_rounds, requests_of, seconds_of

Json = dict[str, Any]
WIDTH, HEIGHT = 11.0, 6.5  # inches
DOTS = 100  # an inch
LEGEND_COLUMNS = 4
COLOURS = {OURS: "#0072B2", REALM: "#56B4E9", ENGINE: "#E69F00", SERVER: "#009E73", CURL: "#CC79A7", TOFU: "#D55E00"}
"""Colours that colour-blind people can distinguish, too (Okabe and Ito)."""
WITHOUT = "without checkpoints"


def draw(results: Json, folder: Path) -> None:
    """Writes ``seconds-<exchange>.png`` and ``requests-<exchange>.png``; without results there is no plot."""
    matplotlib.use("agg")
    matplotlib.rcParams.update({"font.size": 9})
    for exchange, cases in results["results"].items():
        rounds = fewest_rounds(cases)
        fields = {phase: seconds_of(cases, phase) for phase in PHASES}
        if rounds:
            title = f"Seconds by grants, {exchange} exchange (medians of {rounds} rounds or more)"
            _plot(fields, title, "seconds", folder / f"seconds-{exchange}.png")
        fields = {phase: requests_of(cases, phase) for phase in PHASES}
        title = f"Requests by grants, {exchange} exchange"
        _plot(fields, title, "requests", folder / f"requests-{exchange}.png")


def _plot(fields: Mapping[str, Mapping[Line, Points]], title: str, unit: str, file: Path) -> None:
    figure, axes = pyplot.subplots(2, 3, figsize=(WIDTH, HEIGHT), sharex=True, layout="constrained")
    for axis, (phase, lines) in zip(axes.flat, fields.items(), strict=True):
        for line, points in lines.items():
            grants, values = zip(*sorted(points), strict=True)
            axis.plot(grants, values, label=_text(line), **_style(line))
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
    figure.legend(known.values(), known.keys(), loc="outside lower center", ncols=min(len(known), LEGEND_COLUMNS) or 1)
    figure.suptitle(title)
    figure.savefig(file, dpi=DOTS, metadata={"Software": None})
    pyplot.close(figure)


def _text(line: Line) -> str:
    name = NAMES.get(line.name, line.name)
    return name if line.checkpoints else f"{name}, {WITHOUT}"


def _style(line: Line) -> Json:
    """Hollow points on a broken line are those without checkpoints."""
    if line.name == FLOORS:
        return {"linestyle": ":", "color": "black" if line.checkpoints else "grey"}
    style = {"marker": "o", "markersize": 4, "color": COLOURS[line.name]}
    return {**style, "linestyle": "-"} if line.checkpoints else {**style, "linestyle": "--", "markerfacecolor": "white"}
