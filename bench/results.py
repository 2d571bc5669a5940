"""``results.json``: what was measured, each part from the run that measured it last."""

import json
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.cases import FEWEST_ROUNDS
from bench.measure import Sample
from bench.state_parts import StateSize
from local.layout import PROJECT, keycloak_version

FILE = Path(__file__).with_name("results.json")
Json = dict[str, Any]
_INNERMOST = re.compile(r"[{\[][^{}\[\]]*[}\]]")


@dataclass(frozen=True)
class Measured:
    """What one run found for one competitor of a case: for each phase a sample per round, and the state after ``up``."""

    exchange: str
    grants: int
    label: str
    samples: Mapping[str, Sequence[Sample]]
    state: StateSize | None


def load(file: Path = FILE) -> Json:
    """``runs``: machine and date by the run's name. ``results``: exchange → grants → competitor → ``phases`` and ``state``."""
    return dict(json.loads(file.read_text())) if file.exists() else {"runs": {}, "results": {}}


def save(results: Json, file: Path = FILE) -> None:
    """One line per sample, so that a diff is readable."""
    text = json.dumps(results, indent=1, ensure_ascii=False)
    file.write_text(_INNERMOST.sub(lambda found: " ".join(found[0].split()), text) + "\n")


def merge(known: Json, found: Measured, run: str, about: Json) -> Json:
    """The results, with one competitor's new ones in place of its older ones. After few rounds the older seconds stay."""
    results = json.loads(json.dumps(known))
    case = results["results"].setdefault(found.exchange, {}).setdefault(str(found.grants), {})
    entry = case.setdefault(found.label, {"phases": {}})
    for phase, samples in found.samples.items():
        if samples:
            before = entry["phases"].get(phase, {})
            entry["phases"][phase] = {**_kept(before), "run": run, **summary(samples), **_timed(samples, run)}
    if found.state:
        parts = {part: round(size / found.grants) for part, size in found.state.parts.items()}
        entry["state"] = {"run": run, "bytes_a_grant": round(found.state.total / found.grants), "parts": parts}
    results["results"][found.exchange] = dict(
        sorted(results["results"][found.exchange].items(), key=lambda each: int(each[0]))
    )
    results["runs"][run] = about
    used = set(_runs_in(results["results"]))
    return {
        "runs": {name: each for name, each in sorted(results["runs"].items()) if name in used},
        "results": results["results"],
    }


def summary(samples: Sequence[Sample]) -> Json:
    """Counts are medians, since a round may need one more login. Memory is the peak of all rounds."""
    kinds = {kind for each in samples for kind in each.memory}
    return {
        "requests": statistics.median_low(each.requests for each in samples),
        "writes": statistics.median_low(each.writes for each in samples),
        "logins": statistics.median_low(each.logins for each in samples),
        "connections": statistics.median_low(each.connections for each in samples),
        "memory": {kind: max(each.memory.get(kind, 0) for each in samples) for kind in sorted(kinds)},
    }


def _timed(samples: Sequence[Sample], run: str) -> Json:
    if len(samples) < FEWEST_ROUNDS:
        return {}
    return {"timed": {"run": run, "seconds": [round(each.seconds, 3) for each in samples]}}


def _kept(before: Json) -> Json:
    return {"timed": before["timed"]} if "timed" in before else {}


def _runs_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "run":
                yield each
            else:
                yield from _runs_in(each)


def name_of_run() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def about_run(rounds: int, pulumi: Path, others: Sequence[str] = ()) -> Json:
    """The machine and the versions of what runs on it. others: commands whose versions matter as well."""
    changed = _output("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench")
    return {
        "rounds": rounds,
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "load_before": round(os.getloadavg()[0], 1),
        "commit": _output("git", "rev-parse", "--short", "HEAD") + (" and changes" if changed else ""),
        "keycloak": keycloak_version(),
        "pulumi": _output(str(pulumi / "pulumi"), "version"),
        "pulumi_sdk": version("pulumi"),
        "python": platform.python_version(),
        **{each: _output(each, "version").splitlines()[0] for each in others},
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()
