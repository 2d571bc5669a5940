"""``bench/README.md``: what the results say, in tables and plots."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import tables
from bench.cases import CHECKPOINTS_OFF_FROM, EXCHANGES, FEWEST_ROUNDS
from bench.competitors import LATE, PACKAGE, PACKAGE_REALM
from local import processes, venv
from local.layout import LOCAL, VENV, UserError

PAGE = Path(__file__).with_name("README.md")
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
LIBRARY = LOCAL / "plots"
Json = dict[str, Any]

HEAD = f"""# Benchmarks

This page shows what the phases of a stack's life cost, on a server that runs on the same machine. `make bench`
measures, and writes this page from [results.json](results.json). [How to run it](#how-to-run-it) is below.

A grant has a source and a target of its own, in requester flow. The clients exist already. The realm contains the
clients of one more grant, and little else. `up` of one more adds that grant, and `destroy` removes it too.
`up` and `destroy` include their previews, as people run them.

- **one resource per realm**: this project with `resources: realm`.
- **engine floor**: the same program, resources and server facts, with providers that do nothing. This is the cost
  of Pulumi alone.
- **server floor**: a script that brings the realm to the same state with the fewest requests, one after the other,
  on one kept connection. It proves, marks and restores nothing. If nothing changed, it lists the clients and
  compares. This is the cost of Keycloak alone.
- **÷ floors**: the seconds of this project, divided by the sum of both floors.
- **late grants**: the same grants, whose clients are outputs, as in a program that makes the clients too. Each is
  checked and wired by itself. It is not run with more than 300 grants.
- **package**: the same grants from a program in YAML, by [the package](../docs/package.md). They are late ones, too.
- **package, one resource per realm**: the same grants as one `RealmGrants` in YAML.
- **curl script**: one process per request. It is not run with more than 100 grants.
- **OpenTofu or Terraform** with the Keycloak provider, if it is installed. For the standard exchange it manages the
  clients too, since the switch is a field of the client. Its `plan -refresh=false` is compared with `preview`, and
  its `plan` with `preview --refresh`.

How it is measured:

- Seconds are medians, with the fastest and the slowest round in brackets. All competitors take turns in each round,
  so noise affects all of them. Seconds of fewer than {FEWEST_ROUNDS} rounds are not kept.
- A ratio is shown only if one run measured both sides.
- Requests are counted in the server's access log, with logins. Connections are counted in the kernel's socket table.
- The administrator logs in by a password, whose hash is one round of PBKDF2. This server runs without Java's second
  compiler. With Argon2, Keycloak's default, its logins would take longer than all else.
- Memory is the peak of each process. Go collects no garbage below 300 MB here, which makes the starts of Pulumi faster,
  so its engine takes more memory than for users. State is the file's size after `up`.
- Runs since 2026-11-30 are measured without [Pulumi's own log](../docs/large-stacks.md#pulumis-own-log).
- From {CHECKPOINTS_OFF_FROM:,} grants on, stacks are measured without Pulumi's checkpoints
  (`PULUMI_SKIP_CHECKPOINTS=true`), unless a table says otherwise. These are the hollow points in the plots of seconds.
"""

TAIL = """## How to run it

```sh
make bench ARGS="--grants 100 --only ours --rounds 1"               # requests alone
make bench ARGS="--exchange standard --grants 1 10 100"             # seconds as well: half an hour
make bench ARGS="--exchange legacy"                                 # an hour
make bench ARGS="--exchange standard --grants 1000 --only ours,engine,server"   # an hour
make bench ARGS="--exchange standard --grants 100 --only ours,engine --checkpoints off"
make bench ARGS="--exchange standard --grants 1000 --only realm,server"         # ten minutes
make bench ARGS="--exchange standard --grants 10 100 300 --only ours,late,package,package-realm"
make bench ARGS="--clients 20000"                                   # 1,000 grants in a realm of 20,000 clients, once
make bench ARGS="--realms 200"                                      # one stack of 200 realms with 5 grants each, once
make bench ARGS="--report"                                          # write this page again, from results.json
```

Each run replaces its own results in results.json, but for `--clients` and `--realms`, which print tables: their figures
are in [large-stacks.md](../docs/large-stacks.md#realms-with-many-more-clients). Use a machine that does nothing else.
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
    """The folder of the plotting library, which is installed if it is missing.

    It is not a package of the project: Pulumi's pickling is slower where NumPy is installed, which would change the
    measurement.
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
        ("Grants with clients that are outputs (late)", tables.beside_table(cases, LATE), ""),
        ("Grants from YAML, by the package", tables.beside_table(cases, PACKAGE), ""),
        ("All grants of a realm from YAML, by the package", tables.beside_table(cases, PACKAGE_REALM), ""),
        ("Memory: megabytes, the highest of all phases", tables.memory_table(cases), ""),
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
        yield "## Runs on this page\n"
        yield tables.table(head, rows) + "\n"
