"""The shell variables that make plain `pulumi` and `python -m exchange` work on a stack of the embedded environment."""

import os
import shlex
from collections.abc import Mapping

from local import dev_server, secrets
from local import stack as stacks
from local.layout import LOOPBACK, PULUMI_BIN, PULUMI_HOME, STATE, VENV, UserError, backend_url
from local.pulumi_cli import without_logs

LOCAL_URL = "KEYCLOAK_LOCAL_URL"
"""Set if KEYCLOAK_URL came from `make env`, and not from a person with a server of their own."""

SKIP_CHECKPOINTS = "PULUMI_SKIP_CHECKPOINTS"
MANY = 100
"""With so many grants or more, Pulumi's checkpoints take most of the time of `up` and `destroy`: docs/large-stacks.md."""


def foreign_url() -> str | None:
    """The address of a server that is not ours, when KEYCLOAK_URL names one."""
    url = os.environ.get("KEYCLOAK_URL", "").rstrip("/")
    return url if url and url != os.environ.get(LOCAL_URL) else None


def shell_environment(stack: str) -> dict[str, str]:
    """All variables of a stack, PATH included."""
    foreign = foreign_url()
    known = secrets.load()
    variables = {
        "PATH": search_path(os.environ.get("PATH", os.defpath)),
        "PULUMI_HOME": str(without_logs(PULUMI_HOME)),
        "PULUMI_BACKEND_URL": backend_url(STATE),
        "PULUMI_CONFIG_PASSPHRASE": known.pulumi_passphrase,
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        "PULUMI_PYTHON_CMD": str(VENV / "bin" / "python"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_STACK": stack,
        **without_proxy(os.environ),
        **({SKIP_CHECKPOINTS: "true"} if stacks.grants_written(stack) >= MANY else {}),
    }
    if foreign is None:
        url = dev_server.url(stack)
        own = {"KEYCLOAK_URL": url, LOCAL_URL: url, "KEYCLOAK_USER_PASS": known.user_password}
        return {**variables, **own, "KEYCLOAK_ADMIN_PASS": known.admin_password}
    given = {name: os.environ[name] for name in ("KEYCLOAK_ADMIN_PASS", "KEYCLOAK_USER_PASS") if name in os.environ}
    return {**variables, "KEYCLOAK_URL": foreign, **given}


def search_path(path: str) -> str:
    """PATH with our Python and our Pulumi CLI in front, each once."""
    ours = [str(VENV / "bin")]
    if (PULUMI_BIN / "pulumi").exists():
        ours.append(str(PULUMI_BIN))
    return os.pathsep.join([*ours, *(part for part in path.split(os.pathsep) if part not in ours)])


def without_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """`NO_PROXY` in both spellings, with this machine added, on which our servers and Pulumi's plugins listen."""
    given = {part.strip() for name in ("NO_PROXY", "no_proxy") for part in environ.get(name, "").split(",")} - {""}
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(sorted({*given, *LOOPBACK})))


def exports(variables: dict[str, str]) -> str:
    """The variables as lines for a shell's `eval`."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def child_environment(stack: str) -> dict[str, str]:
    """Our own environment with the stack's variables, for a program that we start."""
    return {**os.environ, **shell_environment(stack)}


def require_foreign_password() -> None:
    """Refuse early if another server is to be used without a login for it."""
    foreign = foreign_url()
    names = ("KEYCLOAK_ADMIN_PASS", "KEYCLOAK_CLIENT_SECRET", "KEYCLOAK_PRIVATE_KEY")
    if foreign and not any(os.environ.get(name) for name in names):
        raise UserError(
            f"KEYCLOAK_URL names {foreign} and none of {', '.join(names)} is set; set the one that your login needs, "
            "or unset KEYCLOAK_URL to use a server of our own."
        )
