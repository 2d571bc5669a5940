"""Verdicts for people and for programs: a table on a terminal, a line each in a pipe, JSON. Never a token."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from exchange.terminal.printing import FLOWS, case_fields, counted, one_line, table
from kcadmin.objects.features import LEGACY
from reach.proof import Claims, Verdict

PROVED, REFUSED, NOT_PROVED = "proved", "refused", "not proved"
WOULD_WORK, WOULD_FAIL, NOT_KNOWN = "would work", "would fail", "not known"
OUTLOOKS = {True: WOULD_WORK, False: WOULD_FAIL, None: NOT_KNOWN}
GOOD, BAD, OPEN = "bold green", "bold red", "bold yellow"
STYLES = {PROVED: GOOD, REFUSED: BAD, NOT_PROVED: OPEN, WOULD_WORK: OPEN, WOULD_FAIL: BAD, NOT_KNOWN: OPEN}
DRY_RUN = "dry run: predicted, not proved"
SHORT_SUB = 8
RESULT_WIDTH = len(NOT_PROVED)
NARROWEST = 16
GAPS = 6  # between four columns, two spaces each
_Line = tuple[str, str, str]  # label, words, style


def result(verdict: Verdict) -> str:
    """``proved``, ``refused`` (by Keycloak) or ``not proved``; of a dry run ``would work``, ``would fail`` or ``not known``."""
    if verdict.dry:
        return OUTLOOKS[verdict.outlook]
    if verdict.proved:
        return PROVED
    return REFUSED if verdict.refused else NOT_PROVED


def as_json(verdicts: Sequence[Verdict], more: Sequence[dict[str, Any]] = ()) -> str:
    """A list of objects with the claims of both tokens; more: what is listed after them."""
    return json.dumps([*(_object(verdict) for verdict in verdicts), *more], indent=2, ensure_ascii=False)


def as_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """A line each, never shortened."""
    return [_line(verdict) for verdict in verdicts]


def as_table(verdicts: Sequence[Verdict], width: int) -> Table:
    """A row each, at most ``width`` columns wide; names are broken at their hyphens."""
    cells = [(_about(verdict), _subject(verdict), _exchanged(verdict)) for verdict in verdicts]
    headers = ("Grant and caller", "Subject token", "Exchanged token")
    wanted = [
        max([len(headers[at]), *(len(label) + 1 + len(words) for row in cells for label, words, _ in row[at])])
        for at in range(3)
    ]
    widths = _fit(wanted, width - RESULT_WIDTH - GAPS)
    made = table(leading=1)
    for header, column in zip(headers, widths, strict=True):
        made.add_column(header, width=column)
    made.add_column("Result", width=RESULT_WIDTH)
    for verdict, row in zip(verdicts, cells, strict=True):
        word = result(verdict)
        made.add_row(
            *(_cell(lines, column) for lines, column in zip(row, widths, strict=True)), Text(word, STYLES[word])
        )
    return made


def summary(verdicts: Sequence[Verdict], url: str) -> str:
    """The run in one sentence."""
    if not verdicts:
        return "No grants in this stack: nothing to prove."
    tried = [verdict for verdict in verdicts if not verdict.dry]
    proved = sum(verdict.proved for verdict in tried)
    realms = list(dict.fromkeys(verdict.case.realm for verdict in verdicts))
    subjects = list(dict.fromkeys(_whose(verdict) for verdict in verdicts if verdict.subject))
    where = f" (realm{'s' if len(realms) > 1 else ''} {', '.join(realms)})" if realms else ""
    whose = f" as {', '.join(subjects)}" if subjects else ""
    at = f" against Keycloak at {url}{where}{whose}"
    if not tried:
        return f"{DRY_RUN.capitalize()}: {_foreseen(verdicts)}{at}."
    dry = f"; {_foreseen(verdicts)} ({DRY_RUN})" if len(tried) < len(verdicts) else ""
    untried = sum(not verdict.tried for verdict in tried)
    left = f", {untried} could not be tried" if untried else ""
    return f"{proved} of {counted(len(tried), 'exchange')} proved{left}{at}{dry}."


def _foreseen(verdicts: Sequence[Verdict]) -> str:
    dry = [result(verdict) for verdict in verdicts if verdict.dry]
    counts = [f"{dry.count(word)} {word}" for word in (WOULD_WORK, WOULD_FAIL, NOT_KNOWN) if word in dry]
    return f"of {counted(len(dry), 'exchange')} {', '.join(counts)}"


def _whose(verdict: Verdict) -> str:
    if verdict.subject and verdict.subject.username:
        return str(verdict.subject)
    return f"the service account of {verdict.case.source}"


def _object(verdict: Verdict) -> dict[str, Any]:
    return {
        **case_fields(verdict.case),
        "loginScope": verdict.case.login_scope,
        "exchangeScope": verdict.case.exchange_scope,
        "subject": _whose(verdict) if verdict.subject else None,
        "result": result(verdict),
        "proved": verdict.proved,
        "tried": verdict.tried and not verdict.dry,
        "dryRun": verdict.dry,
        "via": list(verdict.via),
        "reason": verdict.reason,
        "notes": list(verdict.notes),
        "basis": list(verdict.basis),
        "unknown": list(verdict.unknown),
        "subjectToken": _claims(verdict.subject_claims),
        "exchangedToken": _claims(verdict.exchanged_claims),
    }


def _claims(claims: Claims | None) -> dict[str, Any] | None:
    if claims is None:
        return None
    return {**asdict(claims), "aud": list(claims.aud), "answered": claims.answered, "lifetime": claims.lifetime}


def _line(verdict: Verdict) -> str:
    case = verdict.case
    parts = [
        result(verdict) + ":",
        f"grant={case.grant}",
        f"flow={case.flow}",
        f"exchange={case.exchange}",
        f"source={case.source}",
        f"caller={case.requester}",
        f"audience={case.audience or 'none'}",
    ]
    parts += [f"via={','.join(verdict.via)}"] if verdict.via else []
    for name, claims in (("subject", verdict.subject_claims), ("exchanged", verdict.exchanged_claims)):
        if claims:
            lives = f" lifetime={claims.lifetime}" if claims.exp else ""
            parts.append(
                f"{name}: sub={claims.sub[:SHORT_SUB] or 'none'} azp={claims.azp} aud={','.join(claims.aud)}{lives}"
            )
    if verdict.reason:
        parts.append(f"reason: {one_line(verdict.reason)}")
    parts += [f"note: {one_line(note)}" for note in verdict.notes]
    parts += [f"because: {'; '.join(verdict.basis)}"] if verdict.basis else []
    parts += [f"cannot be seen: {one_line(each)}" for each in verdict.unknown]
    return " ".join(parts + ([f"({DRY_RUN})"] if verdict.dry else []))


def _about(verdict: Verdict) -> list[_Line]:
    case = verdict.case
    lines = [
        ("", case.grant, "bold"),
        ("", f"{FLOWS.get(case.flow, case.flow)}, {case.exchange}", ""),
        ("caller", case.requester, ""),
        ("audience", case.audience or "none asked", ""),
    ]
    scope = case.login_scope or case.exchange_scope
    return [*lines, ("scope", scope, "")] if scope else lines


def _subject(verdict: Verdict) -> list[_Line]:
    claims = verdict.subject_claims
    if claims is None:
        return [("", f"none, from {verdict.case.source}", "dim")]
    via = [("by", " → ".join(verdict.via), "dim")] if verdict.via else []
    return [*_claim_lines(claims), *_scope_lines(verdict, claims), *via]


def _exchanged(verdict: Verdict) -> list[_Line]:
    lines: list[_Line] = []
    subject, claims = verdict.subject_claims, verdict.exchanged_claims
    if claims:
        same = " (the same)" if subject and claims.sub and subject.sub == claims.sub else ""
        lines = [*_claim_lines(claims, same), *_scope_lines(verdict, claims)]
    if verdict.reason:
        lines.append(("", one_line(verdict.reason), "red" if verdict.is_wrong else "yellow"))
    lines += [("", one_line(note), "yellow") for note in verdict.notes]
    lines += [("", each, "dim") for each in verdict.basis[: 2 if verdict.case.exchange == LEGACY else 1]]
    return [*lines, *(("", f"cannot be seen: {one_line(each)}", "dim") for each in verdict.unknown)]


def _claim_lines(claims: Claims, note: str = "") -> list[_Line]:
    """Of a token that is predicted from mappers, only the audience is known."""
    known = claims.exp > 0
    return [
        *([("sub", (claims.sub[:SHORT_SUB] or "not in this token") + note, "")] if known else []),
        ("azp", claims.azp, ""),
        *(("   " if at else "aud", each, "") for at, each in enumerate(claims.aud or ("nobody",))),
        *([("lives", f"{claims.lifetime} s", "")] if known else []),
    ]


def _scope_lines(verdict: Verdict, claims: Claims) -> list[_Line]:
    """Where the two tokens' scopes differ."""
    subject, exchanged = verdict.subject_claims, verdict.exchanged_claims
    if not (subject and exchanged) or subject.scopes == exchanged.scopes:
        return []
    return [("scope", claims.scope or "none", "")]


def _cell(lines: Sequence[_Line], width: int) -> Text:
    cell = Text()
    for label, words, style in lines:
        indent = " " * (len(label) + 1) if label else ""
        folded = textwrap.wrap(words, width, initial_indent=indent, subsequent_indent=indent) or [indent]
        text = Text("\n".join(folded), style)
        if label:
            text = Text(f"{label} ", "dim") + text[len(indent) :]
        if cell:
            cell.append("\n")
        cell.append_text(text)
    return cell


def _fit(wanted: Sequence[int], room: int) -> list[int]:
    widths = list(wanted)
    while sum(widths) > max(room, NARROWEST * len(widths)):
        widths[widths.index(max(widths))] -= 1
    return widths
