"""``bench/README.md``: what the results say, in tables and plots."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import tables
from bench.cases import CHECKPOINTS_OFF_FROM, EXCHANGES, FEWEST_ROUNDS
from local import processes, venv
from local.layout import LOCAL, VENV, UserError

PAGE = Path(__file__).with_name("README.md")
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
LIBRARY = LOCAL / "plots"
Json = dict[str, Any]

HEAD = f"""# Benchmarks

What the phases of a stack's life cost on a server that runs on the same machine. `make bench` measures, and writes
this page from [results.json](results.json); [how to run it](#how-to-run-it) is below.

A grant is a pair of a source and a target of its own in requester flow. The clients are there already; the realm
holds those of one grant more, and little else. `destroy` takes that one, too, which came by `up` of one more.
`up` and `destroy` are run as people run them, with their previews.

- **engine floor**: the same program, the same resources and the same server facts, with providers that do nothing.
  What Pulumi costs alone.
- **server floor**: a script that does the fewest requests that bring the realm there, one after the other, on one
  kept connection. It proves, marks and restores nothing. What Keycloak costs alone. Where nothing changed, it lists
  the clients and compares.
- **÷ floors**: seconds of this project, divided by both floors together.
- **curl script**: a process a call; not with more than 100 grants.
- **OpenTofu or Terraform** with the Keycloak provider, where it is installed. Of the standard exchange it takes the
  clients over, since its switch is a field of them. Its `plan -refresh=false` stands at `preview`, its `plan` at
  `preview --refresh`.

Seconds are medians, with the fastest and the slowest round in brackets; all competitors take turns in each round, so
that noise hits all alike, and a ratio is given only where one run measured both sides. Seconds of fewer than
{FEWEST_ROUNDS} rounds are not kept. Requests are counted in the server's access log, logins among them,
connections in the kernel's table of sockets. The administrator logs in by a password; its hash is one round of
PBKDF2, since Argon2 takes a server without Java's second compiler, as here, longer than all else in a login.
Memory is the peak of each process, state the file's size after `up`.
From {CHECKPOINTS_OFF_FROM:,} grants on, stacks are measured without Pulumi's checkpoints
(`PULUMI_SKIP_CHECKPOINTS=true`), unless a table says otherwise; in the plots of seconds those are the hollow points.
"""

TAIL = """## How to run it

```sh
make bench ARGS="--grants 100 --only ours --rounds 1"               # requests alone
make bench ARGS="--exchange standard --grants 1 10 100"             # seconds as well: half an hour
make bench ARGS="--exchange legacy"                                 # an hour
make bench ARGS="--exchange standard --grants 1000 --only ours,engine,server"   # an hour
make bench ARGS="--exchange standard --grants 100 --only ours,engine --checkpoints off"
make bench ARGS="--report"                                          # this page anew, from results.json
```

Each run replaces in results.json just what it measured. Use a machine that does nothing else.
"""


def write(results: Json, page: Path = PAGE) -> list[str]:
    """Writes the page and its plots; gives what to tell people."""
    told = _draw(results, page.parent)
    page.write_text("\n".join(_sections(results, page.parent)))
    return [*told, f"written: {page}"]


def _draw(results: Json, folder: Path) -> list[str]:
    try:
        sys.path.append(str(library()))
    except UserError as problem:
        return [f"the plots are left as they were: {problem}"]
    from bench import plots

    plots.draw(results, folder)
    return []


def library() -> Path:
    """Where the library that draws is; installed when it is missing.

    Not among the packages of the project: Pulumi's pickling takes longer where NumPy is, so it would change what is measured.
    """
    wanted = REQUIREMENTS.read_text().split()[-1]
    place = LIBRARY / wanted
    if not place.is_dir():
        scratch = LIBRARY / f"{wanted}.new"
        pip: list[str | Path] = [
            VENV / "bin" / "python",
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--target",
            scratch,
        ]
        lock = REQUIREMENTS.with_suffix(".lock")
        processes.run([*pip, *venv.ONLY_LOCKED, lock], what="pip install of what draws")
        scratch.rename(place)
    return place


def _sections(results: Json, folder: Path) -> Iterator[str]:
    yield HEAD
    for exchange in EXCHANGES:
        cases = results["results"].get(exchange)
        if cases:
            yield f"## The {exchange} exchange\n"
            yield from _section(exchange, cases, folder)
    yield from _machines(results)
    yield TAIL


def _section(exchange: str, cases: Json, folder: Path) -> Iterator[str]:
    plots = {name: f"{name}-{exchange}.png" for name in ("seconds", "requests")}
    parts = (
        ("Seconds", tables.time_table(cases), plots["seconds"]),
        ("Requests", tables.request_table(cases), plots["requests"]),
        ("Pulumi's checkpoints", tables.checkpoint_table(cases), ""),
        ("Memory: megabytes, the most of any phase", tables.memory_table(cases), ""),
        ("State", tables.state_table(cases), ""),
    )
    for title, text, plot in parts:
        if text:
            yield f"### {title}\n"
            if plot and (folder / plot).exists():
                yield f"![{title} by grants, {exchange} exchange]({plot})\n"
            yield f"{text}\n"


def _machines(results: Json) -> Iterator[str]:
    """Where and when each run was, newest first."""
    head = ["run (UTC)", "rounds", "machine", "commit", "Keycloak", "Pulumi, SDK, Python"]
    rows = [
        [
            name,
            str(each["rounds"]),
            f"{each['cpu']}, {each['cores']} cores, {each['memory_gb']} GB, load {each['load_before']} before",
            each["commit"],
            each["keycloak"],
            f"{each['pulumi']}, {each['pulumi_sdk']}, {each['python']}",
        ]
        for name, each in sorted(results["runs"].items(), reverse=True)
    ]
    if rows:
        yield "## Runs that this page tells of\n"
        yield tables.table(head, rows) + "\n"
