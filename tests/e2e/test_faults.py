"""A run of the real ``pulumi`` whose server or network fails once: it succeeds by a safe retry, or it fails with one sentence
and the next run completes. Never a hang, a traceback, a duplicate, or a trace after destroy.

``make test`` runs a sample of the faults, ``make faults`` all of them; tests/acceptance/test_bad_servers.py gives every request
every fault, in one process.
"""

import os
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exchange.bootstrap.bootstrap import bootstrap
from kcadmin.objects.robot import STANDARD, roles_for
from tests.conftest import Servers
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import both_flows, grant
from tests.e2e.stack import Run, Stack
from tests.support import proxy as proxies
from tests.support.proxy import FAULTS, Proxy, Request, certificate_for, proxy_before
from tests.support.realms import TestRealm

pytestmark = pytest.mark.standard_exchange

ALL = bool(os.environ.get("ALL_FAULTS"))
LONGEST_SECONDS = 300
READ_SECONDS = 60  # the patience of kcadmin/rest/session.py
BEYOND = "0.0.0.0"  # noqa: S104  # leads to this machine, which it does not say
Place = tuple[TestRealm, Stack, Proxy]

# Where in a run: which request, and of which of the run's processes.
LOGIN = r"POST /realms/master/protocol/openid-connect/token$"
LOOK = r"GET /admin/realms/[^/]+/clients\?"
SWITCH = r"PUT /admin/realms/[^/]+/clients/[^/]+$"
MAPPER = r"POST /admin/realms/[^/]+/clients/[^/]+/protocol-mappers/models$"
UNMAPPED = r"DELETE /admin/realms/[^/]+/clients/[^/]+/protocol-mappers/models/"
AT_UP = {"login": LOGIN, "look": LOOK, "switch": SWITCH, "mapper": MAPPER}
AT_DESTROY = {"login": LOGIN, "look": LOOK, "switch": SWITCH, "mapper": UNMAPPED}


def revoked(request: Request) -> None:
    """The administrator's token is revoked before its request reaches the server."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    form = urllib.parse.urlencode({"client_id": "admin-cli", "token": token}).encode()
    url = f"{request.upstream}/realms/master/protocol/openid-connect/revoke"
    assert urllib.request.urlopen(url, form).status == 200  # noqa: S310
    request.answer(*request.forward())


EVERY = {**FAULTS, "revoked": revoked}
SAMPLE = [("answer lost", "mapper"), ("revoked", "switch"), ("html", "look")]
CASES = (
    [(fault, at) for fault in EVERY for at in AT_UP if (fault, at) != ("revoked", "login") and fault != "too slow"]
    + [("too slow", "mapper")]
    if ALL
    else SAMPLE
)


@pytest.fixture(scope="module")
def place(servers: Servers, pulumi: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A stack whose way to the server leads through a proxy."""
    server = servers("legacy")
    realm = TestRealm.make(server.url, server.admin_password)
    stack = Stack(tmp_path_factory.mktemp("faults") / "stack", pulumi, server, realm.name)
    with proxy_before(server.url) as proxy:
        stack.env["KEYCLOAK_URL"] = proxy.url
        yield realm, stack, proxy
    realm.remove()


def told(run: Run) -> list[str]:
    """The errors that a run shows, but for Pulumi's own last words."""
    shown = re.findall(r"^ *error: (.*)$", run.output.rpartition("Diagnostics:")[2], re.MULTILINE)
    return [
        line for line in shown if not re.fullmatch(r"(update|preview|destroy|refresh) failed|.* could not be .*", line)
    ]


def survives(stack: Stack, proxy: Proxy, fault: Callable[[Request], None], at: str, *command: str) -> bool:
    """Whether a run with one failing request succeeds; if not, one sentence says why, and the same command works then."""
    proxy.fault, proxy.first = fault, lambda request: bool(re.match(at, request))
    start = time.monotonic()
    run = stack.try_(*command, "--yes", "--skip-preview")
    longest = LONGEST_SECONDS + (READ_SECONDS if fault is FAULTS["too slow"] else 0)
    assert time.monotonic() - start < longest, run.output
    assert proxy.first is None, f"no request like {at}"
    assert "Traceback" not in run.output and 'File "' not in run.output, run.output
    if run.code == 0:
        return True
    sentences = told(run)
    assert len(set(sentences)) == 1 and re.fullmatch(r"(?!\w+Error)[\w ]+ .+; .+\.", sentences[0]), run.output
    stack.run(*command, "--yes", "--skip-preview")
    return False


@pytest.mark.parametrize(("fault", "at"), CASES, ids=lambda each: str(each).replace(" ", "-"))
def test_a_run_with_one_fault(place: Place, fault: str, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "SLOW_SECONDS", READ_SECONDS + 2)
    realm, stack, proxy = place
    before = realm.export()
    for exchange in ("standard", "legacy") if ALL and at in ("login", "mapper") else ("standard",):
        stack.configure(grant(), exchange=exchange)
        up = survives(stack, proxy, EVERY[fault], AT_UP[at], "up")
        assert up or at in ("login", "mapper") or fault in ("html", "truncated", "cut off"), "what is safe to repeat is"
        assert len(realm.client("frontend")["protocolMappers"]) == 1
        both_flows(realm, exchange)
        survives(stack, proxy, EVERY[fault], AT_DESTROY[at], "destroy")
        assert realm.export_but_for_permissions() == realm.without_permissions(before)


def test_a_server_that_goes_away_is_told_by_each_command(place: Place) -> None:
    realm, stack, _ = place
    stack.configure(grant(), exchange="standard")
    stack.up("--skip-preview")
    up, address = realm.export(), stack.env["KEYCLOAK_URL"]
    with proxy_before(realm.url) as gone:
        stack.env["KEYCLOAK_URL"] = gone.url
    for command in ("refresh", "destroy"):
        for sentence in told(stack.refused(command, "--yes", "--skip-preview")):
            assert sentence.startswith(f"Keycloak at '{gone.url}': no answer to POST /realms/master"), sentence
            assert "; check that the server runs and that url is its address" in sentence and sentence.endswith(".")
    assert realm.export() == up
    stack.env["KEYCLOAK_URL"] = address
    stack.destroy("--skip-preview")


@pytest.mark.parametrize("named", ["unknown-authority", "another-host"])
def test_a_certificate_that_is_not_trusted(
    renewed: Callable[..., TestRealm], new_stack: NewStack, tmp_path: Path, named: str
) -> None:
    realm = renewed("legacy")
    stack = new_stack(realm, "legacy")
    context, trusted = certificate_for("elsewhere.example.com" if named == "another-host" else "127.0.0.1", tmp_path)
    with proxy_before(realm.url, tls=context) as proxy:
        stack.env["KEYCLOAK_URL"] = proxy.url
        stack.configure(grant(), **({"caCertificate": str(trusted)} if named == "another-host" else {}))
        (sentence,) = told(stack.refused("preview"))
        wrong = (
            "for another host than '127.0.0.1'; set url to a host"
            if named == "another-host"
            else "signed by an authority that this machine does not trust; set caCertificate"
        )
        assert sentence.startswith(f"Keycloak at '{proxy.url}': its TLS certificate is {wrong}")
        if named == "unknown-authority":
            stack.configure(grant(), caCertificate=str(trusted))
            stack.preview()


def test_another_origin_is_refused_and_an_open_way_is_warned_of(
    make_realm: Callable[..., TestRealm], new_stack: NewStack, tmp_path: Path
) -> None:
    """The robot signs for no server but that of ``url`` or ``publicUrl``."""
    realm, key = make_realm("standard"), tmp_path / "robot.pem"
    bootstrap(realm.connection, realm.name, "robot", roles_for([STANDARD]), key)
    stack = new_stack(realm, "standard")
    del stack.env["KEYCLOAK_ADMIN_PASS"]
    stack.env["KEYCLOAK_PRIVATE_KEY"] = key.read_text()
    with proxy_before(realm.url) as proxy:
        proxy.host = urllib.parse.urlsplit(realm.url).netloc
        stack.env["KEYCLOAK_URL"] = proxy.url
        stack.configure(grant(), clientId="robot", loginRealm=realm.name)
        assert told(stack.refused("preview")) == [
            f"Keycloak at '{proxy.url}': the issuer of realm '{realm.name}' is '{realm.url}/realms/{realm.name}', and that is "
            "another address; correct url, or set publicUrl to the address that you know to be this server's own."
        ]
        assert proxy.seen and not any(each.startswith("POST ") for each in proxy.seen), "no assertion left"
        stack.configure(grant(), publicUrl=realm.url)
        stack.up("--skip-preview")
        both_flows(realm, "standard")

        stack.env |= {"KEYCLOAK_URL": proxy.url.replace("127.0.0.1", BEYOND), "NO_PROXY": BEYOND}
        (refused,) = told(stack.refused("preview"))
        assert "give an https:// address, or set insecureHttp to true for experiments" in refused
        stack.configure(grant(), insecureHttp=True)
        for command in (
            ["up", "--yes", "--skip-preview"],
            ["preview"],
            ["refresh", "--yes", "--skip-preview"],
            ["destroy", "--yes", "--skip-preview"],
        ):
            assert "insecureHttp is true: everybody between this machine and Keycloak" in stack.run(*command).output, (
                command
            )
    assert not realm.client("frontend").get("protocolMappers")
