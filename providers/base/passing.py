"""Resources that only check: there is nothing to read, and nothing to remove."""

from typing import Any

from kcadmin.objects.realm import Realm
from providers.base.props import Outputs
from providers.base.provider import KeycloakProvider


class PassingProvider(KeycloakProvider):
    """A check or a proof. Its results are in its inputs and outputs."""

    def fetch(self, realm: Realm, id_: str, props: Any) -> Outputs | None:
        return {}

    def remove(self, realm: Realm, id_: str, props: Any) -> None:
        """Nothing stays."""
