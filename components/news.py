"""What people read of the grants of a stack: in its outputs, and in a preview what changes."""

import os
from collections.abc import Mapping, Sequence

import pulumi
from pulumi.runtime import is_dry_run

from grants.description import SHOWN, Description, changes, describe, line
from grants.listed import too_large
from grants.plan import GrantPlan
from kcadmin.rest.texts import named
from providers.base import messages
from providers.base.face import this_run
from providers.base.own_state import last_grants
from providers.base.place import STARTED_WITH


def tell_changes(grants: Sequence[GrantPlan], *, all_of_stack: bool) -> None:
    """In one message of a preview, where there is a change. Only then a config that is nearly too large is worth a warning.

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


def are_as_before(grants: Sequence[GrantPlan], realm: str) -> bool:
    """Whether these are the grants of a realm, and as the last run left them."""
    before = {name: each for name, each in last_grants().items() if each.get("realm") == realm}
    return not changes(before, {each.spec.name: describe(each) for each in grants}, all_of_stack=True).lines()


def for_people(grants: Mapping[str, Description]) -> dict[str, str] | str:
    """Grants by their names as a stack's output tells them: a line each, or how many they are.

    ``pulumi up`` prints a stack's outputs whenever it runs, also where nothing has changed.
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
