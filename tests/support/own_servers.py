"""A server of a test's own, that is started again with other features, or of another version, on the same data and address."""

import random
import secrets
import shutil
from pathlib import Path

from local import keycloak
from local.layout import UserError, keycloak_version
from tests.support.shared_servers import START_SECONDS

PORTS = range(20_000, 32_000)
"""No outgoing connection of this machine takes one of these while the server is away."""

ACCOUNT = {"KC_DB_USERNAME": "sa", "KC_DB_PASSWORD": "password"}
"""Of the database file. Some versions have others by default, and then refuse a file of another version."""


class OwnServer:
    """A server whose data are in files. feature_set, version: those that it runs with now."""

    def __init__(self, folder: Path, feature_set: str, version: str | None = None) -> None:
        """Starts it; ``feature_set`` and ``version`` are those of its first start."""
        self._data = folder
        self._password = secrets.token_hex(12)
        self.server = self._start(feature_set, version)

    @property
    def url(self) -> str:
        """Its address, which stays."""
        return self.server.url

    def again(self, feature_set: str, version: str | None = None) -> keycloak.Server:
        """Ends it, and starts it with these features, of the same version unless another one is given."""
        self.stop()
        return self._go_on(feature_set, version)

    def save(self, name: str) -> None:
        """Ends it, keeps a copy of its database, and starts it again."""
        self.stop()
        shutil.copytree(self._database, self._data / name)
        self._go_on()

    def restore(self, name: str) -> None:
        """Ends it, and starts it with the database of ``save``."""
        self.stop()
        shutil.rmtree(self._database)
        shutil.copytree(self._data / name, self._database)
        self._go_on()

    def stop(self) -> None:
        """Ends it; the data stay."""
        self.server.stop()

    @property
    def _database(self) -> Path:
        return self._data / "data" / "h2"

    def _go_on(self, feature_set: str | None = None, version: str | None = None) -> keycloak.Server:
        self.server = self._start(feature_set or self._feature_set, version or self._version, self.server.port)
        return self.server

    def _start(self, feature_set: str, version: str | None, port: int | None = None) -> keycloak.Server:
        self._feature_set, self._version = feature_set, version or keycloak_version()
        installation = keycloak.install(self._version, feature_set, lambda line: None)
        while True:
            chosen = port or random.choice([each for each in PORTS if keycloak.port_is_free(each)])  # noqa: S311
            try:
                return keycloak.Server.start(
                    installation,
                    port=chosen,
                    data=self._data,
                    admin_password=self._password,
                    env=ACCOUNT,
                    wait=START_SECONDS,
                )
            except UserError as problem:
                if port or "is taken" not in str(problem):
                    raise
