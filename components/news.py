"""What people read about a stack's grants: its outputs, and the changes in a preview."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pulumi
from pulumi.runtime import is_dry_run

from grants.description import SHOWN, Description, changes, describe, is_other, line
from grants.listed import too_large
from grants.plan import GrantPlan
from kcadmin.objects.clients import ATTRIBUTE
from kcadmin.objects.shared_settings import CLAIMED, is_something
from kcadmin.rest.texts import named, shown
from providers.base import messages
from providers.base.face import this_run
from providers.base.own_state import OwnObject, last_grants
from providers.base.owned import ADOPTED
from providers.base.place import STARTED_WITH
from providers.base.props import RESTORE
from providers.registry import kinds


def tell_changes(grants: Sequence[GrantPlan], *, all_of_stack: bool) -> None:
    """Shows the changes in one message of a preview. Warns of a config that is nearly too large, only if there are changes.

    :param all_of_stack: the stack has no other grants.
    """
    large = too_large(os.environ.get(STARTED_WITH, ""))
    if not (is_dry_run() or large):
        return
    now = {each.spec.name: describe(each) for each in grants}
    found = changes(last_grants(), now, all_of_stack=all_of_stack).lines()
    if found and large and messages.first_time(this_run() or too_large, large):
        messages.warn(large)
    if found and is_dry_run():
        messages.text(found)


def tell_given_back(going: Iterable[OwnObject]) -> None:
    """What the parts that a run removes give back: settings that were on, or had a value, and objects that were adopted."""
    found = sorted({text for each in going for text in _given_back(each)})
    if found:
        more = [f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        messages.text(
            ["what is removed gives back what was there before:", *(f"  {each}" for each in found[:SHOWN]), *more]
        )


def _given_back(held: OwnObject) -> Iterator[str]:
    outputs, was = held.outputs, held.outputs.get("was") or {}
    if outputs.get("on_remove", RESTORE) != RESTORE or held.kind not in kinds():
        return
    named_ = kinds()[held.kind].provider().named(outputs)
    if outputs.get("found") == ADOPTED:
        yield f"{named_}: as it was before it was adopted"
    plain = [(field, value) for field, value in was.items() if isinstance(value, str | bool)]
    texts = {field: shown(value) if isinstance(value, str) else "true" for field, value in plain if is_something(value)}
    on = [f"{field.removeprefix(ATTRIBUTE)} {text}" for field, text in texts.items()]
    if outputs.get("found") == CLAIMED and on:
        yield f"{named_}: {', '.join(on)}"


def are_changed(grants: Sequence[GrantPlan]) -> bool:
    """Whether any grant of the stack is new, changed or removed. grants: all of it."""
    return bool(changes(last_grants(), {each.spec.name: describe(each) for each in grants}, all_of_stack=True).lines())


def new_or_changed(grants: Sequence[GrantPlan]) -> set[str]:
    """The names of those that are not as the last run left them."""
    before = last_grants()
    return {each.spec.name for each in grants if is_other(before.get(each.spec.name), describe(each))}


def are_as_before(grants: Sequence[GrantPlan], realm: str) -> bool:
    """Whether these are all grants of a realm, unchanged since the last run."""
    before = {name: each for name, each in last_grants().items() if each.get("realm") == realm}
    return not changes(before, {each.spec.name: describe(each) for each in grants}, all_of_stack=True).lines()


def for_people(grants: Mapping[str, Description]) -> dict[str, str] | str:
    """A stack's output about its grants: a line for each, or how many there are.

    ``pulumi up`` prints a stack's outputs at each run, even if nothing has changed.
    """
    if len(grants) <= SHOWN:
        return {name: line(each) for name, each in grants.items()}
    realms = sorted({str(each["realm"]) for each in grants.values()})
    return f"{len(grants)} grants in {_listed('realm', realms)}; `python -m exchange graph` shows them"


def export_for_people(url: str, realm: str, grants: Mapping[str, Description]) -> None:
    """The stack's outputs. url, realm: the stack's."""
    pulumi.export("grants", for_people(grants))
    pulumi.export("keycloak", {"url": url, "realm": realm})


def _listed(kind: str, names: Sequence[str]) -> str:
    return f"{kind} {named(names[0])}" if len(names) == 1 else f"{len(names)} {kind}s"
