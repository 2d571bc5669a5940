"""Which realm a command works on, and the stack that declares its grants, if there is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exchange.stack.stack import StackOutputs, StackProblem, owner_by_name, read_stack, run_pulumi, stack_config
from exchange.stack.state import read_owners
from kcadmin.rest.connection import Connection, read_connection
from kcadmin.rest.session import Session, session_for
from reach.proof import Case


@dataclass(frozen=True)
class Place:
    """A realm, how to reach it, and the stack whose grants are in it; None without a stack."""

    connection: Connection
    realm: str
    stack: StackOutputs | None

    @property
    def session(self) -> Session:
        """The process's session with the server."""
        return session_for(self.connection)

    @property
    def reasons(self) -> dict[str, str]:
        """Why the stack's grants exist, by their names; empty without a stack."""
        return self.stack.reasons if self.stack else {}

    def cases(self) -> list[Case] | None:
        """The cases of the stack's grants in this realm; None without a stack."""
        if self.stack is None:
            return None
        return [case for case in self.stack.cases() if case.realm == self.realm]


def find_place(stack: str | None, url: str | None, realm: str | None, login: Mapping[str, str | None]) -> Place:
    """The stack's realm; without a stack the realm that ``url`` and ``realm`` name.

    :param stack: a stack's name. None takes the selected one, or none where both url and realm are given.
    :param login: config keys of the login to their values, for a realm without a stack.
    :raises StackProblem, InvalidSettings: saying what to do.
    """
    if stack is None and url and realm:
        return Place(read_connection({**login, "url": url}.get), realm, None)
    found = read_stack(stack)
    chosen = realm or found.realm
    if not chosen:
        raise StackProblem("realm: neither the stack nor --realm names one; give --realm NAME.")
    return Place(found.connection(url), chosen, found)


@dataclass(frozen=True)
class Deployable:
    """Where a stack is or will be deployed; it needs no outputs. owner: by its config; by default too, where a stack is needed.

    owners: the stack's own, by its config and its state, where they have their grants after ``#``.
    """

    connection: Connection
    realms: tuple[str, ...]
    owners: frozenset[str] = frozenset()
    owner: str = ""


def find_deployable(
    stack: str | None,
    url: str | None,
    realms: Sequence[str],
    login: Mapping[str, str | None],
    needs_stack: bool = False,
) -> Deployable:
    """The realm of a stack's config, or the given ones; without a stack as ``find_place``, unless a stack is needed.

    :raises StackProblem, InvalidSettings: saying what to do.
    """
    named = tuple(dict.fromkeys(realms))
    if stack is None and url and named and not needs_stack:
        return Deployable(read_connection({**login, "url": url}.get), named)
    chosen = ["--stack", stack] if stack else []
    config = stack_config(run_pulumi, chosen)
    if not named and not config.get("realm"):
        raise StackProblem("realm: neither the stack's config nor --realm names one; give --realm NAME.")
    connection = read_connection({**config, "url": url or config.get("url", "")}.get)
    owner = config.get("owner") or (owner_by_name(run_pulumi, chosen) if needs_stack else "")
    owners = {*read_owners(run_pulumi, chosen), owner}
    return Deployable(connection, named or (config["realm"],), frozenset(owners - {""}), owner)
