"""Grants that are planned together in another Keycloak than the stack's."""

import os
from collections.abc import Mapping
from typing import Any

import pulumi

from components.names import Names
from components.shared_parts import SharedParts
from grants.spec import GrantSpec
from kcadmin.rest.connection import ADDRESS, Connection
from kcadmin.rest.given_connection import as_input_map
from kcadmin.rest.texts import named
from providers.base import messages
from providers.base.connections import give
from providers.base.face import config_value


class OtherKeycloak(pulumi.ComponentResource):
    """Holds what the grants of a connection share; its resources take the connection."""

    def __init__(self, name: str, connection: Mapping[str, Any]) -> None:
        super().__init__("keycloak-token-exchange:index:OtherKeycloak", name)
        give(self, connection)
        self.register_outputs({})


class OtherNames(Names):
    """The names of planned grants in another Keycloak. Its realms and clients may have the same names as the stack's."""

    def __init__(self, connection: Connection) -> None:
        """Registers the component that holds them."""
        self._name, self._url, self.connection = connection.name, connection.url, as_input_map(connection)
        self._holder = OtherKeycloak(self._name, self.connection)

    def place(self, spec: GrantSpec, *parts: str) -> str:
        return "/".join((self._name, super().place(spec, *parts)))

    def elsewhere(self) -> dict[str, pulumi.Input[str]]:
        return {"keycloak": self._url}

    def options(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(parent=self._holder), opts)


def shared_parts_at(connection: Connection) -> SharedParts:
    """The parts that planned grants share in their Keycloak.

    :raises pulumi.RunError: it is not the stack's, and the connection has no name.
    """
    if connection.name:
        shared = SharedParts.of_program(connection.url)
        if not isinstance(shared.names, OtherNames):
            shared.names = OtherNames(connection)
        return shared
    url = (config_value("url") or os.environ.get(ADDRESS, "")).rstrip("/")
    if url and connection.url != url:
        raise messages.program_error(
            [
                f"connection to {named(connection.url)}: is not the stack's, whose url is {named(url)}, and has no name; make it "
                "with given_connection, which takes one."
            ]
        )
    return SharedParts.of_program()
