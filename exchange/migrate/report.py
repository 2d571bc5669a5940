"""Plans and outcomes of migrations for people and for programs."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from exchange.migrate.apply import Outcome, named_grants
from exchange.migrate.plan import Planned
from exchange.migrate.watch import Watched, reason_of
from exchange.terminal.printing import FLOWS
from kcadmin.rest import texts
from kcadmin.rest.texts import quoted

STAGES = {0: "legacy", 1: "legacy, mappers made", 2: "standard, legacy parts kept", 3: "ending"}


def as_json(planned: Sequence[Planned], unseen: Sequence[str]) -> str:
    """An object with ``grants``, and ``events``: why exchanges cannot be watched."""
    return json.dumps(
        {"grants": [_object(each) for each in planned], "events": list(unseen)}, indent=2, ensure_ascii=False
    )


def as_text(planned: Sequence[Planned], unseen: Sequence[str]) -> Iterator[Text]:
    """Each grant as a head and its lines; styles show on a terminal only."""
    for each in planned:
        grant = each.grant
        yield Text.assemble(
            (grant.name, "bold"),
            f": {', '.join(grant.sources)} → {grant.target}, {_flows(each)}, realm {grant.realm}; {STAGES[grant.stage]}",
        )
        if each.together:
            yield Text(f"  switched together with {', '.join(each.together)}, which share a requester")
        for number, step in enumerate(each.steps, 1):
            yield Text(f"  {number}. {step}")
        for label, lines, style in (
            ("callers see", each.changes, ""),
            ("stays", each.remains, "dim"),
            ("check", each.notes, "yellow"),
            ("blocked", each.blocks, "bold red"),
        ):
            for line in lines:
                yield Text.assemble("  ", (f"{label}:", style), f" {line}")
    for line in unseen:
        yield Text.assemble(("cannot be watched:", "yellow"), f" {line}")


def plan_summary(planned: Sequence[Planned]) -> str:
    """The plan in one sentence."""
    if not planned:
        return "No legacy grant in this stack: nothing to migrate."
    blocked = [each.grant.name for each in planned if each.blocks]
    movable = len(planned) - len(blocked)
    said = f"{movable} of {len(planned)} legacy {'grant' if len(planned) == 1 else 'grants'} can move"
    return (
        f"{said}; blocked: {named_grants(blocked)}."
        if blocked
        else f"{said}; `python -m exchange migrate apply` moves them."
    )


def outcome_lines(outcome: Outcome, *, quiet: bool) -> Iterator[str]:
    """The result."""
    for each in outcome.back:
        yield _refused(each)
    for each in outcome.held:
        yield _held(each)
    if outcome.moved:
        noun = "grant is" if len(outcome.moved) == 1 else "grants are"
        yield f"{len(outcome.moved)} {noun} standard now: {', '.join(outcome.moved)}."
    if outcome.moved and not quiet:
        yield "stack: `pulumi preview` shows changes that are not of this migration; check them."


def _refused(watched: Watched) -> str:
    event = watched.refusal
    assert event is not None
    whose = f" of a token of {texts.named(event.subject)}" if event.subject else ""
    where = f" from {event.address}" if event.address else ""
    return (
        f"grant {quoted(watched.names)} in realm {texts.named(watched.grants[0].realm)}: standard refused the exchange{whose} by "
        f"{texts.named(event.requester)}{where} ({reason_of(event)}), {_so(watched)}; correct that caller, then run this again."
    )


def _so(watched: Watched) -> str:
    if not watched.staying:
        return "so legacy answers again"
    return (
        f"and will refuse more: the switch of {quoted(watched.staying)} stays on, since another stack claims it "
        "or somebody set it by hand"
    )


def _held(watched: Watched) -> str:
    event = watched.legacy
    who = (
        f"the last by {texts.named(event.requester)}{f' from {event.address}' if event.address else ''}"
        if event
        else "none seen"
    )
    return (
        f"grant {quoted(watched.names)} in realm {texts.named(watched.grants[0].realm)}: legacy exchanges "
        f"still come ({who}), so the "
        "legacy parts stay; let callers send subject_token_type, then run this again."
    )


def _flows(planned: Planned) -> str:
    return " and ".join(dict.fromkeys(FLOWS.get(call.flow, call.flow) for call in planned.grant.calls))


def _object(planned: Planned) -> dict[str, Any]:
    grant = planned.grant
    return {
        "grant": grant.name,
        "realm": grant.realm,
        "sources": grant.sources,
        "target": grant.target,
        "requesters": grant.requesters,
        "stage": grant.stage.name.lower(),
        "together": planned.together,
        "waitSeconds": planned.wait,
        "steps": planned.steps,
        "changes": planned.changes,
        "remains": planned.remains,
        "notes": planned.notes,
        "blocks": planned.blocks,
    }
