"""A store of keys for the stacks of tests, with the API of HashiCorp Vault: ``--secrets-provider=hashivault://…``.

Pulumi makes a key from a passphrase by a million hashes, in each of its commands: half of a preview's CPU time. The states are
encrypted as they are with a passphrase.
"""

import functools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROVIDER = "hashivault://tests"
WRAPPED = "vault:v1:"


@functools.cache
def key_store() -> dict[str, str]:
    """The variables of a command that uses it. One serves all stacks of a process, and ends with it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Transit)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"VAULT_SERVER_URL": f"http://127.0.0.1:{server.server_port}", "VAULT_SERVER_TOKEN": "a-test-token"}


class _Transit(BaseHTTPRequestHandler):
    """Any process unwraps what another one has wrapped."""

    wbufsize = -1  # headers and body at once: the second of two waits for the first to be acknowledged

    def do_PUT(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith("/v1/transit/encrypt/"):
            data = {"ciphertext": WRAPPED + asked["plaintext"]}
        else:
            data = {"plaintext": asked["ciphertext"].removeprefix(WRAPPED)}
        answer = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Not into the tests' output."""
