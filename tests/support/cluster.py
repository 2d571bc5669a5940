"""Keycloak as in production: nodes that share one PostgreSQL and keep their caches in step, all on 127.0.0.1.

https://www.keycloak.org/server/caching
"""

from dataclasses import dataclass, field
from pathlib import Path

from local import keycloak
from local.layout import Say
from tests.support.postgres import Postgres, free_port

START_SECONDS = 300.0


@dataclass
class Cluster:
    """Running nodes and their database. ``urls``: the nodes' own addresses; a balancer stands before them."""

    database: Postgres
    nodes: list[keycloak.Server] = field(default_factory=list)

    @property
    def urls(self) -> list[str]:
        """The address of each node."""
        return [node.url for node in self.nodes]

    @classmethod
    def start(
        cls,
        version: str,
        feature_set: str,
        *,
        nodes: int,
        data: Path,
        admin_password: str,
        say: Say = lambda line: None,
    ) -> "Cluster":
        """Start a database and then the nodes, one by one: the first makes the tables and the administrator."""
        installation = keycloak.install(version, feature_set, say, keycloak.POSTGRES)
        cluster = cls(Postgres.start(free_port(), say))
        try:
            for number in range(nodes):
                settings = {
                    **keycloak.POSTGRES,
                    **cluster.database.keycloak_settings,
                    "KC_CACHE_EMBEDDED_NETWORK_BIND_ADDRESS": keycloak.HOST,
                    "KC_CACHE_EMBEDDED_NETWORK_BIND_PORT": str(free_port()),
                }
                node = keycloak.Server.start(
                    installation,
                    port=free_port(),
                    data=data / f"node-{number}",
                    admin_password=admin_password,
                    env=settings,
                    wait=START_SECONDS,
                )
                cluster.nodes.append(node)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def stop(self) -> None:
        """End the nodes, then their database."""
        for node in self.nodes:
            node.stop()
        self.database.stop()
