"""What is near a name that does not exist, asked only where a fault is told."""

from dataclasses import dataclass

from kcadmin.objects import near_names
from kcadmin.objects.realm import realm_for
from kcadmin.rest.session import Session


@dataclass(frozen=True)
class Near:
    """Gives the end of a message, or ''. session: None asks nobody."""

    session: Session | None = None

    def realm(self, name: str) -> str:
        """Names of realms."""
        return near_names.near_realms(self.session, name) if self.session else ""

    def client(self, realm: str, client_id: str) -> str:
        """Ids of clients."""
        return near_names.near_clients(realm_for(self.session, realm), client_id) if self.session else ""

    def role(self, realm: str, role: str, client_id: str) -> str:
        """Roles of a client, or of the realm."""
        return near_names.near_roles(realm_for(self.session, realm), role, client_id) if self.session else ""
