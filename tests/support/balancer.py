"""A round robin before the nodes of a cluster: each request goes to the next node, so that a run reads where it did not write."""

import itertools
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.support.cluster import Cluster
from tests.support.proxy import Proxy, Request

NODES = {"postgres": 1, "cluster": 2}
"""What KEYCLOAK_TEST_SERVER may say → the nodes that stand in the place of the one server with its own file database."""


class BalancedCluster:
    """Nodes on one PostgreSQL behind a round robin, to be used as one server."""

    def __init__(self, version: str, feature_set: str, *, nodes: int, data: Path) -> None:
        self.admin_password = secrets.token_hex(12)
        self._end = ExitStack()
        cluster = Cluster.start(version, feature_set, nodes=nodes, data=data, admin_password=self.admin_password)
        self._end.callback(cluster.stop)
        self.url = self._end.enter_context(round_robin(cluster.urls)).url

    def stop(self) -> None:
        """End the round robin, the nodes and their database."""
        self._end.close()


@contextmanager
def round_robin(nodes: Sequence[str]) -> Iterator[Proxy]:
    """Listens on a free port of 127.0.0.1. The nodes see the balancer's ``Host``, so all name one issuer."""
    proxy, turns = Proxy(""), itertools.cycle(nodes)

    class Balanced(Request):
        patience_seconds = 120  # deleting a realm takes PostgreSQL its time
        wbufsize = -1  # one packet an answer, else the second one waits 40 ms for the first one's receipt

        def handle_one(self) -> None:
            self.upstream = next(turns)
            self.answer(*self.forward())

        do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 (http.server's names)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Balanced)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a node or a client that hung up
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
