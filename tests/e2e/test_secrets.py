"""No password, client secret, private key or token is left anywhere, whichever of them logs in and however much is logged."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.e2e.stack import CHECKPOINTS, Stack
from tests.support.realms import PASSWORD, TestRealm

JWT = re.compile(r"eyJ[\w-]{10,}")
VERBOSE = ("--logtostderr", "--logflow", "-v=9", "--debug")
ROLE = "manage-clients"
# Read by every Python process that Pulumi starts: the logs of requests and urllib3, as people switch them on.
LOGGING = """
import logging, os
logging.basicConfig(level=logging.DEBUG, filename=os.path.join({folder!r}, f"python-{{os.getpid()}}.log"))
"""


@dataclass(frozen=True)
class Login:
    """A login: its config, its secret's key and variable, the secret, and what of it must appear nowhere."""

    config: dict[str, str]
    key: str
    variable: str
    secret: str
    traces: tuple[str, ...]


def by_password(stack: Stack, realm: TestRealm) -> Login:
    password = stack.server.admin_password
    return Login({}, "adminPassword", "KEYCLOAK_ADMIN_PASS", password, (password,))


def by_client_secret(stack: Stack, realm: TestRealm) -> Login:
    secret = f"robot-{token_hex(8)}"
    robot(realm, secret=secret)
    return Login(
        {"clientId": "robot", "loginRealm": realm.name}, "clientSecret", "KEYCLOAK_CLIENT_SECRET", secret, (secret,)
    )


def by_private_key(stack: Stack, realm: TestRealm) -> Login:
    key = ec.generate_private_key(ec.SECP256R1())
    public = jwt.get_algorithm_by_name("ES256").to_jwk(key.public_key(), as_dict=True)
    keys = json.dumps({"keys": [{**public, "use": "sig", "alg": "ES256", "kid": "robot"}]})
    attributes = {"use.jwks.string": "true", "jwks.string": keys}
    robot(realm, clientAuthenticatorType="client-jwt", attributes=attributes)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    body = tuple(pem.splitlines()[1:-1])
    return Login(
        {"clientId": "robot", "loginRealm": realm.name},
        "privateKey",
        "KEYCLOAK_PRIVATE_KEY",
        pem,
        (*body, "PRIVATE KEY"),
    )


def robot(realm: TestRealm, **client: object) -> None:
    """A service account in the managed realm that may manage clients."""
    realm.add_client("robot", serviceAccountsEnabled=True, **client)
    user = realm.get("clients", realm.uuid("robot"), "service-account-user")["id"]
    management = realm.uuid("realm-management")
    role = realm.get("clients", management, "roles", ROLE)
    realm.session.post(realm.at("users", user, "role-mappings", "clients", management), [role])


def everything(stack: Stack) -> str:
    """Every file that the stack's commands wrote, but for links to the project."""
    files = [path for path in stack.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(path.name == f"{stack.name}.json" for path in files)
    return "\n".join(Path(path).read_text(errors="replace") for path in files)


@pytest.mark.parametrize("log_in", [by_password, by_client_secret, by_private_key])
def test_secrets_stay_secret(
    renewed: Callable[..., TestRealm], new_stack: NewStack, log_in: Callable[[Stack, TestRealm], Login]
) -> None:
    """A private key through every phase; what else logs in, through the updates that it makes and that destroy it."""
    one_phase = [] if log_in is by_private_key else ["--skip-preview"]
    client_secret = f"secret-{token_hex(8)}"
    realm = renewed("standard", frontend={"secret": client_secret}, api={"secret": client_secret})
    stack = new_stack(realm, "standard")
    login = log_in(stack, realm)
    logs = stack.folder / "logs"
    logs.mkdir()
    (logs / "sitecustomize.py").write_text(LOGGING.format(folder=str(logs)))
    stack.env |= {"KEYCLOAK_USER": realm.user, "KEYCLOAK_USER_PASS": PASSWORD, "PYTHONPATH": str(logs), **CHECKPOINTS}
    del stack.env["KEYCLOAK_ADMIN_PASS"]

    def logged(name: str) -> list[str]:
        stack.env |= {"PULUMI_DEBUG_COMMANDS": "1", "PULUMI_DEBUG_GRPC": str(logs / f"{name}-grpc.json")}
        return ["--event-log", str(logs / f"{name}-events.json")]

    stack.env[login.variable] = login.secret
    stack.configure(grant(prove=True), **login.config)
    told = [stack.up(*one_phase, *VERBOSE, *logged("up"))]
    if not one_phase:
        told.append(stack.preview("--refresh", *VERBOSE, *logged("preview")))
    assert all(len(run.output) > 100_000 for run in told), "the logs are verbose"
    assert "urllib3.connectionpool" in everything(stack) and "TokenExchangeGrant" in (logs / "up-grpc.json").read_text()

    # Now from the stack's config. What the engine tells its plugins, and its log at -v=9, hold that in clear, whoever wrote
    # the program; so without these two.
    del stack.env[login.variable], stack.env["PULUMI_DEBUG_GRPC"]
    stack.configure(grant(prove=True, allowRefresh=True))
    stack.run("config", "set", "--secret", login.key, f"\n{login.secret}")  # a PEM's dashes look like an option
    told.append(stack.up("--skip-preview", "--debug", "--event-log", str(logs / "update-events.json")))
    written = [everything(stack), stack.export_text()]
    assert "proof-recipient-frontend" in written[1]
    told.append(stack.destroy(*one_phase, "--debug", "--event-log", str(logs / "destroy-events.json")))
    for text in (*(run.output for run in told), *written, everything(stack)):
        for secret in (*login.traces, client_secret, PASSWORD):
            assert secret not in text, text[max(0, text.find(secret) - 300) :][:600]
        assert not JWT.search(text)


@pytest.mark.standard_exchange
def test_a_secret_in_plain_text_is_refused(renewed: Callable[..., TestRealm], new_stack: NewStack) -> None:
    """However it was set and whatever the environment supplies; refresh and destroy, which run no program, cannot tell.

    Each by a preview; that the other commands tell the same is shown with one of them.
    """
    realm = renewed("standard")
    stack = new_stack(realm, "standard")
    stack.configure(grant())
    before = realm.export()
    stack.up("--skip-preview")
    config, text = stack.project / f"Pulumi.{stack.name}.yaml", "a simple word"
    was = config.read_text()
    for key, variable, command in (
        ("adminPassword", "KEYCLOAK_ADMIN_PASS", ["adminPassword"]),
        ("clientSecret", "KEYCLOAK_CLIENT_SECRET", ["--path", "keycloak-token-exchange:clientSecret"]),
        ("privateKey", "KEYCLOAK_PRIVATE_KEY", ["--plaintext", "privateKey"]),
    ):
        config.write_text(was)
        stack.run("config", "set", *command, text)
        if key != "adminPassword":
            stack.run("config", "set", "clientId", "robot")
        told = f"config '{key}': is in plain text; run `pulumi config set --secret {key}"
        runs = [stack.refused("preview")]
        if key == "clientSecret":
            runs.append(stack.refused("up", "--yes", "--skip-preview"))
            done = stack.exchange("verify")
            assert done.returncode == 2 and told in done.stderr and text not in done.stdout + done.stderr
            stack.run("config", "set", "--secret", *command[-1:], text)
            assert told not in stack.try_("preview").output
        for run in runs:
            (line,) = {each[each.index("config '") :] for each in run.output.splitlines() if "config '" in each}
            assert told in line and variable in line
            assert text not in run.output and not run.requests
    config.write_text(was)
    stack.refresh("--skip-preview")
    stack.destroy("--skip-preview")
    assert realm.export() == before
