"""The commands behind the Makefile's targets."""

import argparse
import shutil
import sys
from collections.abc import Sequence

from local import dev_server, environment, keycloak, lock, processes, pulumi_cli, reachable, stack, venv
from local.layout import FEATURE_SET_OF, LOCAL, PROJECT, STACKS, UserError, keycloak_version, make_local
from local.progress import Step, run_steps

PULUMI_COMMANDS = {
    "preview": ["preview"],
    "refresh": ["refresh", "--yes"],
    "destroy": ["destroy", "--yes"],
    "drift": ["preview", "--refresh", "--expect-no-changes"],
}
INTERRUPTED = 130

AS_TEST_USER = ("--as-user", "testuser2")


def say(line: str) -> None:
    """One line of progress. It does not go to stdout, where results go."""
    print(line, file=sys.stderr, flush=True)


def install(name: str, start: bool) -> None:
    """Install what is missing, in parallel; start the stack's own server if it is needed."""
    steps = [Step("Python packages", venv.install), Step("Pulumi CLI", pulumi_cli.install)]
    if environment.foreign_url() is None:
        version = keycloak_version()
        title = f"Keycloak {version}"
        if start:
            steps.append(Step(title, lambda tell: dev_server.start(name, tell)))
        else:
            steps.append(Step(title, lambda tell: keycloak.install(version, FEATURE_SET_OF[name], tell)))
    run_steps(steps)


def up(name: str, rest: list[str]) -> int:
    """Install, start, `pulumi up`, prove."""
    environment.require_foreign_password()
    install(name, start=True)
    require_server(name)
    env = environment.child_environment(name)
    stack.prepare(name, env, say)
    code = pulumi(["up", "--yes", "--suppress-outputs", *rest], name, env)
    if code != 0:
        return code
    return python(["-m", "exchange", "verify", *AS_TEST_USER], env)


def down(name: str, rest: list[str]) -> int:
    """`pulumi destroy`, then end the stack's server."""
    code = 0
    if stack.resource_count(name):
        require_server(name)
        venv.install(say)
        pulumi_cli.install(say)
        env = environment.child_environment(name)
        stack.prepare(name, env, say)
        code = pulumi(["destroy", "--yes", *rest], name, env)
    return code or stop(name, [])


def stop(name: str, _rest: list[str]) -> int:
    """End the stack's server; its data stays."""
    ended = dev_server.stop(name)
    say(f"Keycloak at {ended.url} has ended." if ended else f"No Keycloak runs for the stack {name}.")
    return 0


def run_pulumi(command: str, name: str, rest: list[str]) -> int:
    """One of Pulumi's own commands on the stack."""
    environment.require_foreign_password()
    require_server(name)
    venv.install(say)
    pulumi_cli.install(say)
    env = environment.child_environment(name)
    stack.prepare(name, env, say)
    return pulumi([*PULUMI_COMMANDS[command], *rest], name, env)


def verify(name: str, rest: list[str]) -> int:
    """Prove the stack's grants, as the guide's user unless another subject is asked for."""
    venv.install(say)
    return python(["-m", "exchange", "verify", *(rest or AS_TEST_USER)], environment.child_environment(name))


def example(name: str, rest: list[str]) -> int:
    """Run the guide of examples/guide, and the calls of examples/three_hops."""
    install(name, start=True)
    require_server(name)
    env = environment.child_environment(name)
    return python(["-m", "examples.guide.show", *rest], env) or python(["-m", "examples.three_hops.show", *rest], env)


def setup(name: str, _rest: list[str]) -> int:
    """Install what is missing and start nothing."""
    install(name, start=False)
    return 0


def packages(_name: str, _rest: list[str]) -> int:
    """Install the Python packages only."""
    venv.install(say)
    return 0


def lock_packages(_name: str, _rest: list[str]) -> int:
    """Write the lock files anew."""
    lock.write_locks(say)
    return 0


def sbom(_name: str, rest: list[str]) -> int:
    """Write the list of installed packages, with licences."""
    say(f"{lock.write_sbom(say, *rest)} holds each package with its version and licence (CycloneDX).")
    return 0


def env(name: str, _rest: list[str]) -> int:
    """Print the shell variables."""
    sys.stdout.write(environment.exports(environment.shell_environment(name)))
    return 0


def clean(_name: str, _rest: list[str]) -> int:
    """End our servers and delete all that was installed, states and data included."""
    for name in STACKS:
        if stack.resource_count(name):
            say(f"The stack {name} still had resources; they are gone with its server's data.")
        if dev_server.running(name):
            stop(name, [])
        stack.take_salt_out(name)
    shutil.rmtree(LOCAL, ignore_errors=True)
    return 0


def pulumi(arguments: list[str], name: str, env: dict[str, str]) -> int:
    """Run Pulumi in the foreground."""
    program = shutil.which("pulumi", path=env["PATH"])
    if program is None:
        raise UserError("the Pulumi CLI is not installed; run `make setup`.")
    try:
        return processes.foreground([program, *arguments], cwd=PROJECT, env=env)
    finally:
        stack.take_salt_out(name)


def python(arguments: list[str], env: dict[str, str]) -> int:
    """Run our Python in the foreground."""
    return processes.foreground([venv.PYTHON, *arguments], cwd=PROJECT, env=env)


def require_server(name: str) -> None:
    """Refuse if the stack's server does not answer."""
    foreign = environment.foreign_url()
    url = foreign or dev_server.url(name)
    why = reachable.fault(url)
    if why is None:
        return
    if foreign:
        raise UserError(
            f"no Keycloak answers at {url} (KEYCLOAK_URL: {why}); correct it or start that server, or unset KEYCLOAK_URL."
        )
    again = "" if name == "dev" else f" STACK={name}"
    raise UserError(
        f"Keycloak of the stack {name} does not answer at {url} ({why}); run `make up{again}` to start it, "
        "or `make clean` to throw the stack away with all data."
    )


COMMANDS = {
    "up": up,
    "down": down,
    "stop": stop,
    "setup": setup,
    "packages": packages,
    "lock": lock_packages,
    "sbom": sbom,
    "env": env,
    "verify": verify,
    "example": example,
    "clean": clean,
}


def main(arguments: Sequence[str]) -> int:
    """Run a command. An error that a person can correct is one sentence."""
    parser = argparse.ArgumentParser(prog="python3 -m local", description="The embedded environment; see `make help`.")
    parser.add_argument("command", choices=sorted({*COMMANDS, *PULUMI_COMMANDS}))
    parser.add_argument("--stack", default="dev", help="dev (default) or legacy")
    parser.epilog = "Arguments after -- are passed to the program."
    split = list(arguments).index("--") if "--" in arguments else len(arguments)
    chosen, rest = parser.parse_args(arguments[:split]), list(arguments[split + 1 :])
    try:
        if chosen.stack not in STACKS:
            raise UserError(f"STACK is {chosen.stack!r}; take one of {', '.join(STACKS)}.")
        make_local()
        if chosen.command in COMMANDS:
            return COMMANDS[chosen.command](chosen.stack, rest)
        return run_pulumi(chosen.command, chosen.stack, rest)
    except UserError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("Interrupted; run the same command again to continue.")
        return INTERRUPTED
