"""Messages about the parts of a realm's grants, depending on the run."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kcadmin.marks.packed import Part
from kcadmin.rest.errors import Refusal
from kcadmin.rest.texts import named, shown
from providers.base import messages, taken_back
from providers.base.called import PROVIDER_KEY
from providers.base.held import CONTINUES, HELD, KEEPS, NUMBER, replaced_with_owner
from providers.bulk.engine import Parts, Step

SHOWN = 20
RUN = "run"  # an input that is not in the state: one of the next, or nothing
PREVIEW, HIDDEN = "preview", "hidden"  # a preview, and one that hides what it compares
IS_HELD, NEW_OWNER = "held", "owner"  # the parts are in the state with another owner


class RealmRun(NamedTuple):
    """kind: one of those. differs: whether the inputs differ from the state."""

    kind: object = None
    differs: bool = False

    @property
    def is_preview(self) -> bool:
        """Whether it reports the steps."""
        return self.kind in (PREVIEW, HIDDEN)

    @property
    def compares(self) -> bool:
        """Whether Pulumi finds and shows what differs. If all of that is hidden, it would show the whole resource instead."""
        return self.differs and self.kind != HIDDEN


def require_owner(run: object, realm: str) -> None:
    """For a create of what the state already has: ``pulumi up --replace`` makes it again before it removes the former one.

    :raises Refusal: the owner changed, so the former owner's objects would be in the way.
    """
    if run == NEW_OWNER:
        raise Refusal(f"grants of realm {named(realm)}: {replaced_with_owner('are', 'their')}.")


def differ(olds: Any, inputs: Any) -> bool:
    """Whether a resource's inputs differ from its state; unset ones do not."""
    return bool(_set(olds, PROVIDER_KEY) != _set(inputs))


def tell_steps(realm: str, steps: Mapping[str, Step], olds: Parts, news: Parts) -> None:
    """One message with the steps, if there are any."""
    coming = {place: step for place, step in sorted(steps.items()) if step is not Step.SAME}
    if not coming:
        return
    counts = [f"{number} to {step.value}" for step, number in Counter(coming.values()).items()]
    lines = [f"  {place}: {'; '.join(_told(step, olds.get(place), news.get(place)))}" for place, step in coming.items()]
    more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    messages.text([f"parts of grants in realm {named(realm)}: {', '.join(counts)}", *lines[:SHOWN], *more])


def tell_taken_back(olds: Parts, now: Parts) -> None:
    """How many objects a run continued that this stack made before its state was lost."""
    known = {part.props.get(NUMBER) for part in (*olds.values(), *now.values())}
    made = [part for place, part in now.items() if place not in olds]
    taken_back.tell_number(len({part.props[CONTINUES] for part in made if part.props.get(CONTINUES)} - known), "took")


def _told(step: Step, old: Part | None, new: Part | None) -> Iterator[str]:
    yield step.value
    if old and new:
        for field, value in new.props.items():
            was = old.props.get(field)
            if was != value and field not in (HELD, KEEPS):
                yield f"{field} {_text(was)} → {_text(value)}"


def _set(value: Any, *without: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _set(each) for key, each in value.items() if each is not None and key not in without}
    return [_set(each) for each in value] if isinstance(value, list | tuple) else value


def _text(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else shown(value)
