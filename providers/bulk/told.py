"""What is said of the parts of a realm's grants, by what a program knows of its run."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from kcadmin.marks.packed import Part
from kcadmin.rest.errors import Refusal
from kcadmin.rest.texts import named, shown
from providers.base import messages
from providers.base.held import CONTINUES, NUMBER, replaced_with_owner
from providers.bulk.engine import Parts, Step

SHOWN = 20
RUN = "run"  # an input that no state holds: one of the next, or nothing
PREVIEW, IS_HELD, NEW_OWNER = "preview", "held", "owner"  # the state holds the parts, by another owner


def require_owner(run: object, realm: str) -> None:
    """For a create of what the state holds, which ``pulumi up --replace`` makes anew before the former one goes.

    :raises Refusal: by another owner, which would find the former one's objects in the way.
    """
    if run == NEW_OWNER:
        raise Refusal(f"grants of realm {named(realm)}: {replaced_with_owner('are', 'their')}.")


def tell_steps(realm: str, steps: Mapping[str, Step], olds: Parts, news: Parts) -> None:
    """In one message, where there is anything to do."""
    coming = {place: step for place, step in sorted(steps.items()) if step is not Step.SAME}
    if not coming:
        return
    counts = [f"{number} to {step.value}" for step, number in Counter(coming.values()).items()]
    lines = [f"  {place}: {'; '.join(_told(step, olds.get(place), news.get(place)))}" for place, step in coming.items()]
    more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    messages.text([f"parts of grants in realm {named(realm)}: {', '.join(counts)}", *lines[:SHOWN], *more])


def tell_taken_back(olds: Parts, now: Parts) -> None:
    """How many objects a run went on with that this stack made before its state was lost."""
    known = {part.props.get(NUMBER) for part in (*olds.values(), *now.values())}
    made = [part for place, part in now.items() if place not in olds]
    taken = len({part.props[CONTINUES] for part in made if part.props.get(CONTINUES)} - known)
    if taken:
        objects = "1 object" if taken == 1 else f"{taken} objects"
        messages.info(f"took back {objects} that this stack made before its state was lost.")


def _told(step: Step, old: Part | None, new: Part | None) -> Iterator[str]:
    yield step.value
    if old and new:
        for field, value in new.props.items():
            was = old.props.get(field)
            if was != value:
                yield f"{field} {_text(was)} → {_text(value)}"


def _text(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else shown(value)
