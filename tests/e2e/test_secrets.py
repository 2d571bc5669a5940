"""No password, client secret or token is left anywhere."""

import re
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.e2e.stack import Stack
from tests.support.realms import PASSWORD, TestRealm

JWT = re.compile(r"eyJ[\w-]{10,}")
VERBOSE = ("--logtostderr", "--logflow", "-v=9")


def everything(stack: Stack) -> str:
    """Every file that the stack's commands wrote, but for links to the project."""
    files = [path for path in stack.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(path.name == f"{stack.name}.json" for path in files)
    return "\n".join(Path(path).read_text(errors="replace") for path in files)


def test_secrets_stay_secret(make_realm: Callable[..., TestRealm], new_stack: NewStack) -> None:
    client_secret = f"secret-{token_hex(8)}"
    realm = make_realm("standard", frontend={"secret": client_secret}, api={"secret": client_secret})
    stack = new_stack(realm, "standard")
    stack.configure(grant(prove=True))
    stack.env |= {"KEYCLOAK_USER": realm.user, "KEYCLOAK_USER_PASS": PASSWORD}
    verbose = [stack.up(*VERBOSE), stack.refresh(*VERBOSE)]
    assert all(len(run.output) > 100_000 for run in verbose), "the logs are verbose"

    # The verbose log of Pulumi's engine names a stack's secret config in clear, whoever wrote the program.
    del stack.env["KEYCLOAK_ADMIN_PASS"]
    stack.run("config", "set", "--secret", "adminPassword", stack.server.admin_password)
    told = [*verbose, stack.up(), stack.refresh()]
    written = [everything(stack), stack.export_text()]
    assert "proof-recipient-frontend" in written[1]
    told.append(stack.destroy())
    for text in (*(run.output for run in told), *written, everything(stack)):
        for secret in (stack.server.admin_password, client_secret, PASSWORD):
            assert secret not in text, text[max(0, text.find(secret) - 300) :][:600]
        assert not JWT.search(text)
