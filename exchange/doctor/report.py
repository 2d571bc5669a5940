"""The doctor's findings for people and for programs: a block for each exchange, one line each in a pipe, JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from exchange.doctor.doctor import Diagnosis, Refused
from exchange.doctor.finding import Finding
from exchange.doctor.rules import Broken
from exchange.terminal.printing import FLOWS, case_fields, counted, utc
from kcadmin.rest.texts import named
from reach.proof import Case


def as_json(diagnoses: Sequence[Diagnosis], rules: Sequence[Broken] | None) -> str:
    """An object: ``exchanges`` with the findings of each, and ``rules``, which are null where no stack was judged."""
    judged = None if rules is None else [_rule(each) for each in rules]
    told = {"exchanges": [_object(each) for each in diagnoses], "rules": judged}
    return json.dumps(told, indent=2, ensure_ascii=False)


def as_lines(diagnoses: Sequence[Diagnosis], rules: Sequence[Broken] | None) -> Iterator[str]:
    """A line for each finding, each check in order and each thing that could not be read, never shortened."""
    for each in diagnoses:
        about = _words(each.case)
        if each.reading:
            yield f"error: {about} text={json.dumps(each.reading.title)}"
        for kind, findings in (("finding", each.findings), ("note", each.notes)):
            for finding in findings:
                place = f" field={finding.field} value={json.dumps(finding.value)}" if finding.field else ""
                yield f"{kind}: {about} cause={finding.cause}{place} {finding.sentence}"
        if each.refused:
            yield f"event: {about} {_event(each.refused)}"
        for what, why in each.unseen:
            yield f"not checked: {about} {what}: {why}"
        if not each.findings:
            for title in each.in_order:
                yield f"in order: {about} {title}"
    for rule in rules or ():
        yield f"rule: severity={rule.rule.severity} rule={rule.rule.name} {rule.finding.text} ({rule.rule.reference})"


def as_blocks(diagnosis: Diagnosis) -> Iterator[Text | Table]:
    """One exchange, for a terminal."""
    case = diagnosis.case
    yield _heading(case)
    if diagnosis.reading:
        yield Text(f"the error: {diagnosis.reading.title}", "dim")
    for number, finding in enumerate(diagnosis.findings, 1):
        yield _finding(f"{number}.", finding, "red")
    for finding in diagnosis.notes:
        yield _finding("–", finding, "yellow")
    table = _table()
    if diagnosis.refused:
        table.add_row(Text("•", "yellow"), Text(_event(diagnosis.refused)))
    for what, why in diagnosis.unseen:
        table.add_row(Text("?", "yellow"), Text(f"not checked: {what} ({why})"))
    for title in diagnosis.in_order if not diagnosis.findings else ():
        table.add_row(Text("✓", "green"), Text(title))
    if diagnosis.findings and diagnosis.in_order:
        table.add_row(
            Text("✓", "green"),
            Text(f"{counted(len(diagnosis.in_order), 'other check')} passed", "dim"),
        )
    yield table
    yield Text()


def rules_as_blocks(rules: Sequence[Broken]) -> Iterator[Text | Table]:
    """The stack's broken rules, for a terminal."""
    for each in rules:
        yield Text.assemble((each.rule.name, "bold"), " ", (each.rule.severity, "red" if each.mandatory else "yellow"))
        table = _table()
        table.add_row(Text(), Text(each.finding.text))
        table.add_row(Text(), Text(f"{each.rule.sentence} {each.rule.reference}", "dim"))
        yield table
    if rules:
        yield Text()


def summary(diagnoses: Sequence[Diagnosis], rules: Sequence[Broken] | None, url: str) -> str:
    """The run in one sentence."""
    ill = [each for each in diagnoses if each.findings]
    number = sum(len(each.findings) for each in ill)
    if not diagnoses:
        said = "No grants in this stack: no exchange to check."
    elif ill:
        said = (
            f"{counted(number, 'finding')} in {len(ill)} of {counted(len(diagnoses), 'exchange')} of Keycloak at {url}."
        )
    else:
        unseen = len({what for each in diagnoses for what, _ in each.unseen})
        but = f"; {counted(unseen, 'thing')} could not be read" if unseen else ""
        said = f"No findings in {counted(len(diagnoses), 'exchange')} of Keycloak at {url}{but}."
    if rules is None:
        return said
    return f"{said} {counted(len(rules), 'finding')} of the rules, {sum(each.mandatory for each in rules)} mandatory."


def _heading(case: Case) -> Text:
    name = f"{case.grant}: " if case.grant else ""
    asks = f" asked by {case.requester}" if case.requester not in (case.source, case.target) else ""
    return Text(
        f"{name}{case.source} → {case.target}, {case.exchange}, {FLOWS.get(case.flow, case.flow)}{asks}", "bold"
    )


def _finding(mark: str, finding: Finding, style: str) -> Table:
    table = _table()
    table.add_row(Text(mark, style), Text.assemble(f"{finding.kind} {named(finding.name)} ", (finding.wrong, style)))
    if finding.field:
        table.add_row(Text(), Text.assemble(("where ", "dim"), f"{finding.field} = {finding.value or '(empty)'}"))
    table.add_row(Text(), Text.assemble(("do    ", "dim"), finding.remedy))
    table.add_row(Text(), Text.assemble(("cause ", "dim"), finding.cause))
    return table


def _table() -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=2)
    table.add_column(overflow="fold")
    return table


def _words(case: Case) -> str:
    grant = f"grant={case.grant} " if case.grant else ""
    return f"{grant}flow={case.flow} exchange={case.exchange} source={case.source} caller={case.requester} target={case.target}"


def _event(refused: Refused) -> str:
    said = f", which is: {refused.says}" if refused.says and refused.says.lower() != refused.reason.lower() else ""
    reason = f": {refused.reason}" if refused.reason else ""
    return f"the last refusal of it, at {_time(refused)}, was {refused.error}{reason}{said}"


def _time(refused: Refused) -> str:
    return utc(refused.time / 1000)


def _object(diagnosis: Diagnosis) -> dict[str, Any]:
    refused = diagnosis.refused
    return {
        **case_fields(diagnosis.case),
        "error": diagnosis.reading.title if diagnosis.reading else None,
        "findings": [_fields(each) for each in diagnosis.findings],
        "notes": [_fields(each) for each in diagnosis.notes],
        "inOrder": list(diagnosis.in_order),
        "notLookedAt": [{"what": what, "why": why} for what, why in diagnosis.unseen],
        "lastRefusal": refused
        and {"time": _time(refused), "error": refused.error, "reason": refused.reason, "says": refused.says},
    }


def _fields(finding: Finding) -> dict[str, Any]:
    return {
        "cause": finding.cause,
        "sure": finding.sure,
        "object": {"kind": finding.kind, "name": finding.name, "realm": finding.realm},
        "field": finding.field or None,
        "value": finding.value if finding.field else None,
        "wrong": finding.wrong,
        "remedy": finding.remedy,
        "sentence": finding.sentence,
    }


def _rule(broken: Broken) -> dict[str, Any]:
    return {
        "rule": broken.rule.name,
        "severity": broken.rule.severity,
        "sentence": broken.rule.sentence,
        "reference": broken.rule.reference,
        "finding": broken.finding.text,
        "resource": broken.finding.resource or None,
    }
