"""A process that lives on (Automation API, inline program): each run judges by the realm as it is now."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi import automation

from components.token_exchange_grant import TokenExchangeGrant
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import exchanged, neither_flow, refused
from tests.e2e.stack import NAME
from tests.support.realms import TestRealm

pytestmark = pytest.mark.standard_exchange
GATED = "tokens of 'frontend' have 'api' in aud without the required roles"


@pytest.fixture
def realm(make_realm: MakeRealm) -> TestRealm:
    made = make_realm("standard")
    made.session.post(made.at("roles"), {"name": "staff"})
    return made


def long_lived(new_stack: NewStack, realm: TestRealm, program: Callable[[], None]) -> automation.Stack:
    """A stack of this very process; the plugin of its resources is a process a run, as always."""
    stack = new_stack(realm, "standard")
    for name in ("__main__.py", "Pulumi.yaml"):
        (stack.project / name).unlink()  # only the plugin runs in that folder
    (stack.project / "Pulumi.yaml").write_text(f"name: {NAME}\nruntime: python\n")
    environment = stack.warm_environment()
    made = automation.select_stack(
        stack.name, project_name=NAME, program=program,
        opts=automation.LocalWorkspaceOptions(
            work_dir=str(stack.project), env_vars=environment,
            pulumi_command=automation.PulumiCommand(root=str(Path(stack._pulumi).parent), skip_version_check=True)))  # fmt: skip
    made.set_config("realm", automation.ConfigValue(realm.name))
    made.set_config("owner", automation.ConfigValue("a-team"))
    return made


def test_runs_in_one_process(new_stack: NewStack, realm: TestRealm, monkeypatch: pytest.MonkeyPatch) -> None:
    required: list[str] | None = ["staff"]

    def program() -> None:
        TokenExchangeGrant("g", sources=["frontend"], target="api", required_roles=required)

    stack = long_lived(new_stack, realm, program)
    for name, value in {"KEYCLOAK_URL": realm.url, "KEYCLOAK_ADMIN_PASS": realm.admin_password}.items():
        monkeypatch.setenv(name, value)  # the program runs here

    def refuses(what: str) -> None:
        with pytest.raises(automation.CommandError, match=what):
            stack.preview()

    stack.preview()
    realm.mapper("frontend", "by hand", "api")  # a gate opened between two runs
    refuses(GATED)
    realm.session.delete(realm.at("clients", realm.uuid("frontend"), "protocol-mappers", "models", _mapper(realm)))
    stack.up()  # and closed again
    refused(realm, "api")
    realm.session.post(realm.at("users", _user(realm), "role-mappings", "realm"), [realm.get("roles", "staff")])
    exchanged(realm, "api", "api", "standard")

    required = None
    realm.change("api", publicClient=True)  # a fault that comes and goes
    refuses("requester 'api' is a public client")
    realm.change("api", publicClient=False, secret="s")
    stack.up()
    exchanged(realm, "api", "api", "standard")

    realm.session.delete(realm.at("clients", realm.uuid("frontend")))
    refuses("client 'frontend' does not exist")
    realm.add_client("frontend")  # another UUID
    stack.up()
    exchanged(realm, "api", "api", "standard")
    assert stack.preview(expect_no_changes=True)
    stack.destroy()
    neither_flow(realm)


def _mapper(realm: TestRealm) -> str:
    return str(realm.client("frontend")["protocolMappers"][0]["id"])


def _user(realm: TestRealm) -> str:
    return str(realm.get("users", username=realm.user)[0]["id"])
