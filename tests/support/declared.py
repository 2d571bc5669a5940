"""What the tests know of a resource: the shape of the declarations in ``tests/resources``."""

import importlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from providers.base.provider import KeycloakProvider, Props


@dataclass(frozen=True)
class Owned:
    """An object that one owner holds. It is named ``n`` and lives on the client ``api``, or on its resource server.

    args: what is asked for. other: one input that differs. stored: the field that then differs on the server, or
    ``config.<setting>``. other_stored: its value there.
    """

    args: Props
    other: Props
    stored: str
    other_stored: Any


@dataclass(frozen=True)
class Declared:
    """A resource. token, inputs, claim: state format, as every state file holds it, so never changed.

    token: the resource's type. inputs: their names, in order. claim: the kind of its claims, of a setting that stacks share.
    purposes: what its robot must be able to do.
    least: the least that it takes, with the clients ``api`` and ``frontend`` of the realm ``r``.
    owned: of an object that bears a mark.
    alone: what it is made with on a real server, for its exact restore; or the test that does that.
    in_grants: the exchanges whose grants use it. beside_grants: whether a stack does. in_late_grants: whether grants
    use it whose clients come in the same run.
    """

    token: str
    inputs: str
    purposes: tuple[str, ...]
    alone: Props | str
    claim: str | None = None
    least: Props | None = None
    owned: Owned | None = None
    in_grants: tuple[str, ...] = ()
    beside_grants: bool = False
    in_late_grants: bool = False

    @property
    def resource(self) -> str:
        """The name of the resource's class."""
        return self.token.partition(":")[2]

    @cached_property
    def provider(self) -> type[KeycloakProvider]:
        """The provider's class."""
        module = re.sub("(?<!^)(?=[A-Z])", "_", self.resource).lower()
        found = getattr(importlib.import_module(f"providers.{module}"), f"{self.resource}Provider")
        assert issubclass(found, KeycloakProvider)
        return found  # type: ignore[no-any-return]
