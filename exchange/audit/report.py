"""Audited exchanges for people and for programs: a table on a terminal, a line each in a pipe, CSV, JSON.

Names in events are what callers sent, even callers who failed to log in. Terminals and spreadsheets must show them as plain text.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from rich.table import Table
from rich.text import Text

from exchange.audit.audit import ALLOWED, UNKNOWN, Audit, Record, Unused, grants_of, result_of, summary
from exchange.terminal.printing import counted, one_line, table
from kcadmin.objects.events import DAY_SECONDS, Event, EventsConfig

COLUMNS = (
    *("time", "result", "error", "reason", "grants", "exchange", "user", "userId", "requester", "subjectClient"),
    *("audience", "target", "ipAddress", "sessionId", "id", "grantReasons"),
)
FORMULA = re.compile(r"""(^|[;,\t"'|])(?=\s*[=+\-@\t\r＝＋－＠])""")
"""After these characters a spreadsheet may begin a formula, whichever separator it uses."""
LEGACY_LEAVES_OUT = (
    "note: events of the legacy exchange contain only the user's id, and neither the subject token's client nor the session; "
    "if several grants fit, all are shown."
)
BY_NAME_ALONE = (
    "this login may not read users, so events of the legacy exchange, which contain only ids, are left out; give the user's id, "
    "or the login the role view-users."
)
LOG_NOTE = (
    "note: the server's log shows refused exchanges at WARN, even if events are off; only events show allowed ones."
)


def as_object(record: Record, reasons: Mapping[str, str] = {}) -> dict[str, Any]:
    """A record for programs. ``grants``: null without a stack, empty where it is undeclared.

    reasons: why grants exist, by their names.
    """
    event = record.event
    return {
        "time": moment(event.at, "milliseconds"),
        "result": result_of(event).split(" ")[0],
        "error": event.error,
        "reason": event.reason,
        "grants": None if record.grants is None else list(record.grants),
        "grantReasons": {grant: reasons[grant] for grant in record.grants or () if grant in reasons},
        "exchange": event.exchange,
        "user": event.user,
        "userId": event.user_id,
        "requester": event.requester,
        "subjectClient": event.subject,
        "audience": list(event.audiences.shown),
        "target": record.target,
        "ipAddress": event.address,
        "sessionId": event.session,
        "id": event.id,
    }


def as_json(records: Sequence[Record], reasons: Mapping[str, str] = {}) -> str:
    """A list of objects."""
    return json.dumps([as_object(record, reasons) for record in records], indent=2)


def as_csv_row(record: Record | None, reasons: Mapping[str, str] = {}) -> str:
    """A record as a row, or the header where there is none."""
    cells = COLUMNS if record is None else [_cell(record, column, reasons) for column in COLUMNS]
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="").writerow(cells)
    return buffer.getvalue()


def as_line(record: Record) -> str:
    """A record in a line, never shortened."""
    event = record.event
    parts = {
        "grant": grants_of(record),
        "exchange": event.exchange or UNKNOWN,
        "user": event.user or event.user_id,
        "requester": event.requester,
        "subject": event.subject,
        "audience": ",".join(event.audiences.shown),
        "target": record.target,
        "ip": event.address,
        "reason": _why(event),
    }
    told = " ".join(f"{key}={_word(value)}" for key, value in parts.items() if value)
    return f"{moment(event.at)} {result_of(event).split(' ')[0]}: {told}"


def as_table(records: Sequence[Record], reasons: Mapping[str, str] = {}) -> Table:
    """A row each, oldest first. The reason of a grant is below its name."""
    made = table("Time (UTC)", "Grant", "Who, from where", "Exchange", "Result")
    for record in records:
        event = record.event
        result = Text(ALLOWED, "green") if event.allowed else Text(f"refused: {clean(_why(event))}", "red")
        whose = f"{event.subject}'s token" if event.subject else "a token"
        made.add_row(
            moment(event.at).replace("T", "\n").rstrip("Z"),
            _grants_cell(record, reasons),
            Text(f"{clean(event.user or event.user_id or 'unknown')}\n{clean(event.address)}"),
            Text(
                f"{clean(event.requester)}: {clean(whose)}"
                f"{' for ' + clean(', '.join(event.audiences.shown)) if event.audiences else ''}\n"
                f"{event.exchange or UNKNOWN} exchange"
            ),
            result,
        )
    return made


def summary_table(records: Sequence[Record]) -> Table:
    """Counts by grant, exchange and result."""
    made = table("Grant", "Exchange", "Result", "Count")
    for grant, exchange, result, count in summary(records):
        made.add_row(Text(clean(grant) or "–"), exchange, Text(clean(result), _style(result)), str(count))
    return made


def summary_lines(records: Sequence[Record]) -> list[str]:
    """The same, a line each."""
    return [
        f"{count} {clean(result)}: {f'grant={_word(grant)} ' if grant else ''}exchange={exchange}"
        for grant, exchange, result, count in summary(records)
    ]


def summary_objects(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The same, for programs."""
    keys = ("grant", "exchange", "result", "count")
    return [dict(zip(keys, (each[0] or None, *each[1:]), strict=True)) for each in summary(records)]


def unused_line(found: Unused, days: int, reason: str | None = None) -> str:
    """An unused grant, and whether that is certain. reason: why the grant exists, if it has one."""
    grant = f"grant={_word(found.grant)}{f' reason={_word(reason)}' if reason else ''}"
    if found.certain:
        return f"unused: {grant}: no allowed exchange for {days} days."
    return (
        f"unknown: {grant}: no allowed exchange since {moment(found.since)}; earlier ones may not have been recorded."
    )


def unused_object(found: Unused, reason: str | None = None) -> dict[str, Any]:
    """The same, for programs."""
    known = {"noExchangeSince": moment(found.since), "unused": found.certain or None}
    return {"grant": found.grant, "reason": reason, **known}


def kept_note(config: EventsConfig, days: int) -> str | None:
    """A sentence if events are kept for less time than was asked for."""
    if not config.expiration or config.expiration >= days * DAY_SECONDS:
        return None
    return (
        f"note: events are kept for {config.expiration / DAY_SECONDS:g} days, less than the {days} days asked for; "
        "set a longer expiration with ExchangeEvents."
    )


def moment(at: float, precision: str = "seconds") -> str:
    """A time in UTC, as ISO 8601 has it."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec=precision).replace("+00:00", "Z")


def clean(text: str) -> str:
    """A text in one line, without control characters."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def summed_up(records: Iterable[Record], audit: Audit) -> str:
    """The run in a sentence."""
    known = list(records)
    refused = sum(not record.event.allowed for record in known)
    undeclared = sum(record.grants == () for record in known)
    more = f", {undeclared} of no grant of this stack" if undeclared else ""
    return f"{counted(len(known), 'exchange')} in realm {clean(audit.place.realm)}, {refused} refused{more}."


def _grants_cell(record: Record, reasons: Mapping[str, str]) -> Text:
    cell = Text(clean(grants_of(record)) or "–", "yellow" if record.grants == () else "bold")
    for reason in dict.fromkeys(reasons[grant] for grant in record.grants or () if grant in reasons):
        cell.append(f"\n{clean(one_line(reason))}", "not bold dim")
    return cell


def _cell(record: Record, column: str, reasons: Mapping[str, str]) -> str:
    value = grants_of(record) if column == "grants" else as_object(record, reasons)[column]
    value = list(value.values()) if isinstance(value, dict) else value
    text = clean(" ".join(value) if isinstance(value, list) else str(value or ""))
    return FORMULA.sub(
        lambda before: f"{before[1]}\\" if before[1] else "'", text
    )  # a second quote would begin a cell of its own


def _word(value: str) -> str:
    text = clean(value)
    return json.dumps(text, ensure_ascii=False) if " " in text or '"' in text or "=" in text else text


def _why(event: Event) -> str:
    if event.allowed:
        return ""
    return ": ".join(part for part in (event.error, event.reason) if part) or "no reason given"


def _style(result: str) -> str:
    return "green" if result == ALLOWED else "red"
