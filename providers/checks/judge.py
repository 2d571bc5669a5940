"""All faults of grants, and what people should know about them, from the realm as it is."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from grants.fault import FEW, told_once
from grants.plan import GrantPlan
from grants.planning import plan
from grants.spec import GrantSpec
from kcadmin.rest.connection import Connection
from providers.base import messages
from providers.base.own_state import OwnObject
from providers.checks.openings import openings
from providers.checks.policy_changes import policy_changes
from reach.facts import Facts


@dataclass(frozen=True)
class JudgedGrants:
    """grants: none if there are faults. notes: a sentence each. in_full: what notes shorten or leave out."""

    grants: tuple[GrantPlan, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    in_full: tuple[str, ...] = ()

    def tell(self, apart: Callable[[Sequence[GrantPlan]], Collection[str]] | None = None) -> None:
        """Shows notes and warnings to people.

        :param apart: gives the names of grants that are told one by one. What is said of many others alike is one sentence.
        """
        tell(told_once(self.notes, apart(self.grants)) if apart and len(self.notes) > FEW else self.notes)
        for sentence in self.in_full:
            messages.debug(sentence)


def tell(notes: Sequence[str]) -> None:
    """Shows sentences, as information or as a warning."""
    for note in notes:
        (messages.info if note.startswith(("implied", "loosened", "note")) else messages.warn)(note)


def judge(
    specs: Sequence[GrantSpec],
    connection: Connection,
    facts: Facts,
    guards: Collection[str] = (),
    state: Callable[[], Sequence[OwnObject]] = tuple,
    *,
    opens: bool = True,
) -> JudgedGrants:
    """:param facts: the server's answers to all that the grants need. guards: see ``register_grants``.

    :param state: gives what the stack's own state holds. opens: whether to read what else the grants open.
    :raises KeycloakError: the server cannot be reached.
    """
    planned = plan(specs, facts, guards)
    if planned.faults:
        return JudgedGrants(faults=planned.faults)
    changes = policy_changes(connection, planned.grants, facts, guards)
    if changes.faults:
        return JudgedGrants(faults=changes.faults)
    if not opens:
        return JudgedGrants(planned.grants, (), (*planned.notes, *changes.notes))
    opened = openings(connection, planned.grants, facts, guards, state)
    if opened.faults:
        return JudgedGrants(faults=opened.faults)
    return JudgedGrants(planned.grants, (), (*planned.notes, *changes.notes, *opened.notes), opened.in_full)
