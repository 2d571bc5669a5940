"""How many requests each phase of a stack's life takes, counted in the server's access log: ``python -m bench.requests``.

Grants are pairs of a source and a target of their own, in requester flow, in a realm that holds little else. Logins count; the
clients are there already.
"""

import argparse
import json
import secrets
import tempfile
from pathlib import Path

from local import keycloak, pulumi_cli
from local.layout import keycloak_version
from tests.conftest import free_port
from tests.e2e.stack import Run, Stack
from tests.support.realms import TestRealm

RUN_SECONDS = 3600
RESULTS = Path(__file__).with_name("requests.json")
PHASES = {
    "up": ("up", "--yes"),
    "quiet up": ("up", "--yes"),
    "quiet preview --refresh": ("preview", "--refresh"),
    "destroy": ("destroy", "--yes"),
}


def measure(grants: int, exchange: str, folder: Path) -> dict[str, dict[str, int]]:
    """By phase: all requests, writes and logins."""
    feature_set = "legacy" if exchange == "legacy" else "standard"
    installation = keycloak.install(keycloak_version(), feature_set, print)
    password = secrets.token_hex(12)
    server = keycloak.Server.start(installation, port=free_port(), data=folder / "server", admin_password=password)
    try:
        realm = TestRealm.make(server.url, password, {})
        for number in range(grants):
            realm.add_client(f"source-{number}")
            realm.add_client(f"target-{number}")
        stack = Stack(folder / "stack", pulumi_cli.install(print), server, realm.name)
        pairs = [(f"source-{number}", f"target-{number}") for number in range(grants)]
        stack.configure(
            *(
                {"name": source, "sources": [source], "target": target, "flows": ["requester"]}
                for source, target in pairs
            ),
            exchange=exchange,
        )
        stack.timeout_seconds = RUN_SECONDS
        return {phase: _counted(stack.run(*command)) for phase, command in PHASES.items()}
    finally:
        server.stop()


def _counted(run: Run) -> dict[str, int]:
    return {"requests": len(run.requests), "writes": len(run.writes), "logins": run.logins}


def main() -> None:
    """Measures, prints, and keeps the result beside this file."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--grants", type=int, default=100, help="how many")
    arguments.add_argument("--exchange", choices=("standard", "legacy"), default="standard")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given.grants, given.exchange, Path(folder))
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known[f"{given.grants} {given.exchange}"] = found
    RESULTS.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")
    for phase, counts in found.items():
        print(f"{phase}: " + ", ".join(f"{number} {what}" for what, number in counts.items()))


if __name__ == "__main__":
    main()
