"""What people read of the grants of a stack: in its outputs, and in a preview what changes."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi.runtime import is_dry_run

from grants.description import SHOWN, Description, changes, describe, line
from grants.plan import GrantPlan
from kcadmin.rest.texts import named
from providers.base import messages
from providers.base.own_state import last_grants


def tell_changes(grants: Sequence[GrantPlan], *, all_of_stack: bool) -> None:
    """In one message, where there is a change.

    :param all_of_stack: the stack has no other grants.
    """
    if not is_dry_run():
        return
    now = {each.spec.name: describe(each) for each in grants}
    if found := changes(last_grants(), now, all_of_stack=all_of_stack).lines():
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
