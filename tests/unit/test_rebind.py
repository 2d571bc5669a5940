"""``python -m exchange rebind``: what is found, what becomes of the state, and what is refused."""

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from exchange import cli
from exchange.rebind import command as commands_rebind
from exchange.rebind import rebind
from exchange.stack.stack import StackProblem
from exchange.stack.state import OBJECTS, State, read_state
from kcadmin.marks import packed
from kcadmin.rest.connection import Connection, PasswordLogin
from kcadmin.rest.errors import NotFound
from providers.base.provider import KeycloakProvider
from tests.support.resources import RESOURCES

OLD, NEW = "https://old.example", "https://new.example"
UUIDS = {"api": "a0", "shop": "s0", "web": "w0", "realm-management": "m0"}
NAME = "keycloak-token-exchange"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:a0:xyz"}


def urn(kind: str) -> str:
    return f"urn:pulumi:prod::{NAME}::{kind}::x"


def thing(kind: str, id_: str, **props: Any) -> dict[str, Any]:
    inputs = {"realm": "r", "owner": "o", **props}
    outputs = {**inputs, "issuer": f"{OLD}/realms/r", "management_uuid": "m0"}
    type_ = f"{OBJECTS}{kind}"
    return {"urn": urn(type_), "type": type_, "id": id_, "inputs": inputs, "outputs": outputs}


STATE_DOCUMENT: dict[str, Any] = {
    "version": 3,
    "deployment": {
        "resources": [
            {
                "urn": urn(rebind.STACK),
                "type": rebind.STACK,
                "outputs": {"keycloak": {"url": OLD, "realm": "r"}, "grants": {"g": {"clients": {"api": "a0"}}}},
            },
            {
                "urn": urn(rebind.PROVIDER),
                "type": rebind.PROVIDER,
                "id": "p",
                "inputs": {f"{NAME}:url": OLD, f"{NAME}:adminPassword": SECRET, f"{NAME}:loginRealm": "master"},
                "outputs": {f"{NAME}:url": OLD, f"{NAME}:adminPassword": SECRET, f"{NAME}:loginRealm": "master"},
            },
            thing("StandardTokenExchange", "r/a0/standard-exchange", client_id="api", client_uuid="a0"),
            thing(
                "ClientPolicy",
                "policy-id",
                resource_server="realm-management",
                resource_server_uuid="m0",
                clients=["shop", "web"],
                client_uuids=["s0", "w0"],
            ),
        ]
    },
}


class Server:
    """The look-ups that a survey makes."""

    def __init__(self, base: str = OLD, uuids: dict[str, str] | None = None, realms: Sequence[str] = ("r",)) -> None:
        self.base, self.uuids, self.realms = base, UUIDS if uuids is None else uuids, realms
        self.connection = Connection(base, PasswordLogin("admin", "pw"))

    def issuer(self, realm: str) -> str:
        return f"{self.base}/realms/{realm}"

    def get(self, at: str, clientId: str = "") -> Any:  # noqa: N803 (Keycloak's name)
        if at.split("/")[3] not in self.realms:
            raise NotFound(404, "GET", at, "Realm not found.")
        return [{"id": self.uuids[clientId], "clientId": clientId}] if clientId in self.uuids else []


class Backend:
    """A stack that ``pulumi stack export`` and ``import`` work on."""

    def __init__(self, document: Any = STATE_DOCUMENT, url: str = NEW) -> None:
        self.document, self.url = copy.deepcopy(document), url
        self.calls: list[Sequence[str]] = []
        self.modes: list[int] = []

    def __call__(self, command: Sequence[str]) -> str:
        self.calls.append(command)
        if command[0] == "config":
            return json.dumps({f"{NAME}:url": {"value": self.url}, f"{NAME}:adminPassword": {"value": "pw"}})
        if command[1] == "export":
            return json.dumps(self.document)
        file = Path(command[command.index("--file") + 1])
        self.modes.append(file.stat().st_mode & 0o777)
        self.document = json.loads(file.read_text())
        return ""


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    def command(backend: Backend, server: Server, *arguments: str) -> Result:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(commands_rebind, "run_pulumi", backend)
        monkeypatch.setattr(commands_rebind, "session_for", lambda connection: server)
        return CliRunner().invoke(cli.app, ["rebind", *arguments])

    return command


def resources(document: Any) -> list[dict[str, Any]]:
    return list(document["deployment"]["resources"])


def test_a_moved_server(run: Run, tmp_path: Path) -> None:
    backend = Backend()
    result = run(backend, Server(NEW), "--yes", "--stack", "prod")
    assert result.exit_code == 0, result.output
    assert f"  issuer  {OLD}/realms/r → {NEW}/realms/r" in result.stdout
    assert "  client 'api'  a0, the same" in result.stdout
    assert "4 resources of the state get today's issuer" in result.stdout
    expected = json.loads(json.dumps(STATE_DOCUMENT).replace(OLD, NEW))
    assert backend.document == expected
    (kept,) = tmp_path.glob("prod-*.state.json")
    assert json.loads(kept.read_text()) == STATE_DOCUMENT and kept.stat().st_mode & 0o777 == 0o600
    assert f"`pulumi stack import --file {kept.name}` restores it" in result.stdout
    assert backend.modes == [0o600]
    assert all(list(call)[-2:] == ["--stack", "prod"] for call in backend.calls)
    assert not any("--show-secrets" in call for call in backend.calls if call[0] == "stack")


def test_a_realm_made_anew(run: Run) -> None:
    backend = Backend(url=OLD)
    today = {"api": "a1", "shop": "z1", "web": "b1", "realm-management": "m1"}
    result = run(backend, Server(OLD, today), "--yes")
    assert result.exit_code == 0, result.output
    assert "  client 'api'  a0 → a1" in result.stdout and "  client 'shop'  z1\n" in result.stdout
    stack, provider, switch, policy = resources(backend.document)
    assert stack["outputs"]["grants"]["g"]["clients"] == {"api": "a1"}
    assert provider == resources(STATE_DOCUMENT)[1], "secrets stay as they are"
    assert switch["id"] == "r/a1/standard-exchange"
    for part in ("inputs", "outputs"):
        assert switch[part]["client_uuid"] == "a1"
        assert policy[part]["resource_server_uuid"] == "m1"
        assert policy[part]["client_uuids"] == ["b1", "z1"]
    assert policy["id"] == "policy-id"
    assert (policy["outputs"]["management_uuid"], policy["outputs"]["issuer"]) == ("m1", f"{OLD}/realms/r")
    assert "management_uuid" not in policy["inputs"]


def test_resources_of_the_package_are_rebound_but_for_explicit_providers(run: Run) -> None:
    kind = "keycloak-token-exchange:index:ClientPolicy"
    provider = "pulumi:providers:keycloak-token-exchange"
    at = f"urn:pulumi:prod::shop::{provider}::"

    def policy(name: str) -> dict[str, Any]:
        props = {"realm": "r", "resourceServer": "realm-management", "clients": ["shop"], "clientUuids": ["s0"]}
        outputs = {**props, "resourceServerUuid": "m0", "managementUuid": "m0", "issuer": f"{OLD}/realms/r"}
        place = {"urn": urn(kind), "type": kind, "id": "p", "custom": True, "provider": f"{at}{name}::uuid"}
        return {**place, "inputs": props, "outputs": outputs}

    def served(name: str) -> dict[str, Any]:
        return {"urn": at + name, "type": provider, "id": "uuid", "inputs": {"url": OLD}, "outputs": {"url": OLD}}

    held = [served("default_0_1_0"), served("eu"), policy("default_0_1_0"), policy("eu")]
    backend = Backend({"version": 3, "deployment": {"resources": held}})
    result = run(backend, Server(NEW, {**UUIDS, "shop": "s1", "realm-management": "m1"}), "--yes")
    assert result.exit_code == 0, result.output
    default, eu, own, other = resources(backend.document)
    assert default["inputs"] == default["outputs"] == {"url": NEW} and (eu, other) == (served("eu"), policy("eu"))
    assert own["inputs"] == {**policy("")["inputs"], "clientUuids": ["s1"]}
    there = {"resourceServerUuid": "m1", "managementUuid": "m1", "issuer": f"{NEW}/realms/r"}
    assert own["outputs"] == {**own["inputs"], **there}


def test_parts_of_one_resource_a_realm_are_rebound_as_if_each_were_one() -> None:
    state, whole = copy.deepcopy(STATE_DOCUMENT), copy.deepcopy(STATE_DOCUMENT)
    each = resources(state)[2:]
    parts = {
        part: packed.pack(
            {
                f"r/{number}": packed.Part(one["type"].removeprefix(OBJECTS), one[part], (), one["id"])
                for number, one in enumerate(each)
            },
            {},
        )
        for part in ("inputs", "outputs")
    }
    held = {
        "urn": urn(packed.TOKEN),
        "type": packed.TOKEN,
        "id": "r",
        **{key: {"realm": "r", **each} for key, each in parts.items()},
    }
    whole["deployment"]["resources"][2:] = [held]
    today = {"api": "a1", "shop": "z1", "web": "b1", "realm-management": "m1"}
    moved = {}
    for name, document in (("each", state), ("whole", whole)):
        moves, faults = rebind.compare_server(Server(OLD, today), State("", document))  # type: ignore[arg-type]
        assert not faults
        rebound = packed.each_of(resources(rebind.rebound(State("", document), moves, OLD, {}))[2:])
        moved[name] = {each["type"]: [each["id"], each["inputs"], each["outputs"]] for each in rebound}
    assert moved["each"] == moved["whole"] and len(moved["whole"]) == 2


def test_the_connection_that_refresh_takes_from_the_state() -> None:
    config = {"url": NEW, "loginRealm": "ops", "adminPassword": "pw"}
    _, provider, *_ = resources(rebind.rebound(State("", STATE_DOCUMENT), [], NEW, config))
    for part in ("inputs", "outputs"):
        assert provider[part] == {f"{NAME}:url": NEW, f"{NAME}:adminPassword": SECRET, f"{NAME}:loginRealm": "ops"}


def test_an_address_from_the_environment_stays_out_of_the_state() -> None:
    _, provider, *_ = resources(rebind.rebound(State("", STATE_DOCUMENT), [], NEW, {}))
    assert provider == resources(STATE_DOCUMENT)[1]


def test_its_own_server_needs_nothing(run: Run) -> None:
    backend = Backend(url=OLD)
    for arguments in ((), ("--yes",), ("--dry-run",)):
        result = run(backend, Server(), *arguments)
        assert result.exit_code == 0 and "nothing to do" in result.stdout
    assert not any("import" in call for call in backend.calls)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--dry-run"], 3, ""),
        ([], 2, "error: rebind: cannot ask without a terminal; check --dry-run, then give --yes."),
    ],
)
def test_without_a_yes_nothing_is_changed(
    run: Run, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    backend = Backend()
    result = run(backend, Server(NEW), *arguments)
    assert result.exit_code == code and words in result.stderr
    assert f"{OLD}/realms/r → {NEW}/realms/r" in result.stdout
    assert backend.document == STATE_DOCUMENT and list(tmp_path.iterdir()) == []


def test_a_person_says_no(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Backend()
    monkeypatch.setattr(commands_rebind, "person", lambda: True)
    assert run(backend, Server(NEW)).exit_code == 1
    assert backend.document == STATE_DOCUMENT


def test_json(run: Run) -> None:
    looked = json.loads(run(Backend(), Server(NEW), "--dry-run", "--json").stdout)
    assert (looked["stack"], looked["resources"], looked["backup"]) == ("prod", 4, None)
    assert looked["realms"][0]["clients"][0] == {"clientId": "api", "old": ["a0"], "new": "a0"}
    done = json.loads(run(Backend(), Server(NEW), "--yes", "--json", "--backup", "kept.json").stdout)
    assert done["backup"] == "kept.json"


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (
            Server(NEW, {"realm-management": "m0", "shop": "s0"}),
            [
                f"error: client '{name}' in realm 'r': is in the stack but not on this server; point url at the stack's own "
                f"server instead of '{NEW}', or make the client first."
                for name in ("api", "web")
            ],
        ),
        (Server(NEW, realms=()), ["error: realm 'r': does not exist, or the login may not see it; "]),
    ],
    ids=["other-clients", "no-realm"],
)
def test_another_server_is_refused(run: Run, server: Server, words: list[str]) -> None:
    backend = Backend()
    result = run(backend, server, "--yes")
    assert result.exit_code == 1
    assert all(each in result.stderr for each in words), result.stderr
    assert backend.document == STATE_DOCUMENT


def test_a_state_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    backend = Backend({"deployment": {"resources": []}})
    with pytest.raises(StackProblem, match="its state was changed meanwhile; run this again"):
        rebind.store(backend, [], State("{}", STATE_DOCUMENT), {}, tmp_path / "kept.json")
    assert [list(call)[1] for call in backend.calls] == ["export"]


def test_a_backup_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kept.json").write_text("precious")
    backend = Backend()
    result = run(backend, Server(NEW), "--yes", "--backup", "kept.json")
    assert result.exit_code == 2 and "error: backup 'kept.json': cannot be written (File exists)" in result.stderr
    assert backend.document == STATE_DOCUMENT and (tmp_path / "kept.json").read_text() == "precious"


@pytest.mark.parametrize("text", ["oops", '{"version": 3, "deployment": {}}'])
def test_states_that_cannot_be_rebound(text: str) -> None:
    with pytest.raises(StackProblem):
        read_state(lambda command: text, [])


@pytest.mark.parametrize("provider", RESOURCES, ids=lambda each: each.__name__)
def test_every_providers_clients_are_found_by_the_names_of_its_inputs(provider: type[KeycloakProvider]) -> None:
    lists = {key for key in provider.CLIENTS if key in provider.SETS}
    props: dict[str, Any] = {}
    for key, uuid_key in provider.CLIENTS.items():
        props |= {key: [key], uuid_key: [uuid_key]} if key in lists else {key: key, uuid_key: uuid_key}
    assert dict(rebind._clients(props)) == dict(provider.CLIENTS)
