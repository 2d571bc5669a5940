"""Names near to one that does not exist: read only for a message, once per name."""

from collections.abc import Callable
from dataclasses import dataclass, field

from kcadmin.objects import near_names
from kcadmin.objects.realm import realm_for
from kcadmin.rest.session import Session


@dataclass(frozen=True)
class Near:
    """Gives the end of a message, or ''. session: None makes no request."""

    session: Session | None = None
    _told: dict[tuple[str, ...], str] = field(default_factory=dict)

    def realm(self, name: str) -> str:
        """Names of realms."""
        return self._once(("realm", name), lambda session: near_names.near_realms(session, name))

    def client(self, realm: str, client_id: str) -> str:
        """Ids of clients."""
        return self._once(
            ("client", realm, client_id),
            lambda session: near_names.near_clients(realm_for(session, realm), client_id),
        )

    def role(self, realm: str, role: str, client_id: str) -> str:
        """Roles of a client, or of the realm."""
        return self._once(
            ("role", realm, role, client_id),
            lambda session: near_names.near_roles(realm_for(session, realm), role, client_id),
        )

    def _once(self, what: tuple[str, ...], ask: Callable[[Session], str]) -> str:
        if self.session is None:
            return ""
        if what not in self._told:
            self._told[what] = ask(self.session)
        return self._told[what]
