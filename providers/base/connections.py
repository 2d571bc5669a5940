"""Which Keycloak a resource is in: that of its ``connection``, or of its parent's, or the stack's."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import pulumi

from kcadmin.rest.config_secrets import SECRETS
from kcadmin.rest.connection import Connection
from kcadmin.rest.given_connection import connection_faults, given_connection
from providers.base import messages
from providers.base.face import own_provider
from providers.base.uuids import is_known

CONNECTION = "connection"
Server = pulumi.Input[Mapping[str, pulumi.Input[Any]]]
"""A map of ``name``, ``url`` and a login, with the keys of the stack's config: see ``kcadmin.rest.given_connection``."""
_given: "WeakKeyDictionary[pulumi.Resource, Server]" = WeakKeyDictionary()


def address_of(given: Any) -> str:
    """The server's address in a connection; empty for the stack's."""
    return str(given.get("url") or "").rstrip("/") if isinstance(given, Mapping) else ""


def give(component: pulumi.Resource, connection: Server | None) -> None:
    """Gives a component's connection to our resources that are its children."""
    if connection is not None:
        _given[component] = connection


def address_for(given: Server | None) -> pulumi.Output[str]:
    """As ``address_of``, for a program's input. The address is not a secret."""
    return pulumi.Output.unsecret(pulumi.Output.from_input(given).apply(address_of))


async def given_to(resource: pulumi.Resource) -> tuple[Any, bool]:
    """The connection of a program's resource, in clear, and whether it is known; empty for the stack's."""
    given = pulumi.Output.from_input(_given.get(resource))
    return await given.future(), await given.is_known()


def connection_for(given: Server | None, opts: pulumi.ResourceOptions | None) -> Server | None:
    """The connection of a resource, its secrets marked; None for the stack's."""
    if given is None and opts is not None and opts.parent is not None:
        given = _given.get(opts.parent)
    if isinstance(given, Mapping):
        return {key: pulumi.Output.secret(each) if key in SECRETS else each for key, each in given.items()}
    return None if given is None else pulumi.Output.secret(given)


def connection_of(props: Mapping[str, Any]) -> Connection | None:
    """The connection in a resource's inputs or outputs; None for the stack's. :raises InvalidSettings: it is wrong."""
    if not props.get(CONNECTION):
        return None
    connection = given_connection(props[CONNECTION])
    messages.warn_insecure(connection)
    return connection


def reached_as(olds: dict[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """A state with the program's present connection, whose login may have changed."""
    return {**{key: each for key, each in olds.items() if key != CONNECTION}, **_of(news)}


def unfit_connection(props: Mapping[str, Any]) -> list[str]:
    """Why a resource's connection is refused, a sentence each. One that a preview does not know yet is not judged."""
    given = props.get(CONNECTION)
    return [] if given is None or not is_known(given) else connection_faults(given)


def other_server_remedy(props: Mapping[str, Any]) -> str:
    """The remedy if a resource's connection leads to another server than the one it was made on."""
    if props.get(CONNECTION):
        return "point its connection at its own server, or give the grant or resource another name to make it there"
    if own_provider():
        return "point its provider at its own server, or give it a provider of another name to make it there"
    return "point the stack's url at its own server, or, if that moved, run `python -m exchange rebind`"


def is_within_reach(props: Mapping[str, Any]) -> bool:
    """Whether the server and the realm are known. A preview may not know what the same run makes."""
    return isinstance(props.get("realm"), str) and is_known(props.get(CONNECTION))


def _of(props: Mapping[str, Any]) -> dict[str, Any]:
    return {CONNECTION: props[CONNECTION]} if props.get(CONNECTION) else {}
