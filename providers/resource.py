"""What all typed resources share: an owner, and stack traces short enough to keep the state small."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from providers._base import KeycloakProvider

TRACE_DEPTH = 5  # never 0 here: the program would hang


class KeycloakResource(Resource):
    """A Keycloak object in a stack; its owner is ``<organization>/<project>/<stack>#<resource name>`` where none is given."""

    def __init__(self, provider: KeycloakProvider, resource_name: str, props: Mapping[str, Any],
                 opts: pulumi.ResourceOptions | None) -> None:
        given = {key: value for key, value in props.items() if value is not None}
        given.setdefault("owner", f"{stack_owner()}#{resource_name}")
        with short_traces():
            super().__init__(provider, resource_name, given, opts)


@contextmanager
def short_traces() -> Iterator[None]:
    """The engine keeps the stack trace of each registration, which is half of a large stack's state."""
    limit = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = TRACE_DEPTH
    try:
        yield
    finally:
        if limit is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = limit


def stack_owner() -> str:
    """The default owner: ``<organization>/<project>/<stack>``, known in the program only."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
