"""What a provider knows about its stack: the connection; and how errors and values reach Pulumi."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pulumi.dynamic import ResourceProvider

from kcadmin.objects.realm import Realm, realm_for
from kcadmin.rest.connection import Connection, read_connection
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.session import session_for
from providers.base.connections import CONNECTION, connection_of
from providers.base.expected_clients import clients_by_realm
from providers.base.messages import warn_insecure

C = TypeVar("C", bound="ConfiguredProvider")


class ConfiguredProvider(ResourceProvider):
    """Takes no constructor arguments and has no per-call state: one instance serves four threads."""

    serialize_as_secret_always = False
    _unfit: InvalidSettings | None = None
    _connection: Connection

    def take_config(self, config: Callable[[str], object]) -> None:
        """Takes the stack's connection, and how many clients the stack will read."""
        connection = self.reach(config)
        if connection is None:
            return
        for name, number in clients_by_realm(config).items():
            realm_for(session_for(connection), name).clients.expect(number)
        warn_insecure(connection)

    def reach(self, config: Callable[[str], object]) -> Connection | None:
        """Takes the stack's connection from its config; None if it is invalid, as it may be in a program with other ones."""
        try:
            return self.use(read_connection(config))._connection
        except InvalidSettings as problem:
            self._unfit = problem
            return None

    def use(self: C, connection: Connection) -> C:
        """Sets the stack's connection without Pulumi's configuration."""
        self._connection = connection
        return self

    def realm(self, props: Mapping[str, Any]) -> Realm:
        """The realm that a resource lives in. :raises InvalidSettings: its connection is invalid."""
        self._require_stack(props)
        return realm_for(session_for(connection_of(props) or self._connection), str(props["realm"]))

    def _require_stack(self, props: Mapping[str, Any]) -> None:
        """:raises InvalidSettings: the resource is in the stack's Keycloak, whose connection is invalid."""
        if self._unfit and not props.get(CONNECTION):
            raise self._unfit
