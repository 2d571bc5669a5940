"""The inventory of a realm for people and for programs: remarks in a table or in lines, and everything as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from exchange.inventory.grants import Inventory
from exchange.inventory.remarks import Level, Remark
from exchange.terminal.printing import counted, table
from kcadmin.rest.texts import named

STYLES = {Level.LOST: "bold red", Level.STACKS: "cyan", Level.EMPTY: "dim", Level.ADDED: "yellow", Level.NOTE: ""}


def as_json(found: Inventory, url: str, written: Path | None) -> str:
    """Everything as JSON."""
    findings = [
        {
            "level": each.level.value,
            "about": each.about,
            "says": each.says,
            "remedy": each.remedy,
            **({"number": each.number} if each.number > 1 else {}),
        }
        for each in found.findings
    ]
    grants = [grant.config() for grant in found.grants]
    place = {"url": url, "realm": found.realm, "written": str(written) if written else None}
    return json.dumps({**place, "grants": grants, "findings": findings}, indent=2, ensure_ascii=False)


def as_lines(findings: Sequence[Remark]) -> list[str]:
    """A line each, never shortened."""
    return [f"{each.level.value}: {each.sentence()}" for each in findings]


def as_table(findings: Sequence[Remark]) -> Table:
    """A row each, for people."""
    made = table(leading=1)
    for header, share in (("", 2), ("Object", 4), ("What it is", 7)):
        made.add_column(header, ratio=share, overflow="fold")
    for each in findings:
        says = each.says + (f"; {each.remedy}" if each.remedy else "")
        made.add_row(Text(each.level.value, STYLES[each.level]), Text(each.about), Text(says))
    return made


def summary(found: Inventory, written: Path | None) -> str:
    """The run in one sentence."""
    exchanges = [grant.exchange for grant in found.grants]
    kinds = ", ".join(f"{exchanges.count(kind)} {kind}" for kind in sorted(set(exchanges)))
    lost = sum(finding.number for finding in found.findings if finding.level == Level.LOST)
    grants = f"{counted(len(exchanges), 'grant')}{f' ({kinds})' if kinds else ''}"
    over = f"{counted(lost, 'finding')} not carried over" if lost else "nothing is left over"
    owners = found.owners
    over += f" but what {counted(owners, 'owner')} {'has' if owners == 1 else 'have'} here" if owners else ""
    where = f", written to {named(written)}" if written else ""
    return f"Realm {named(found.realm)}: {grants}{where}; {over}."
