"""The stack's own runs: a phase of the migration is a change of its config and an ``up``.

https://www.pulumi.com/docs/iac/cli/commands/pulumi_config_set-all/
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from exchange.migrate.grant_file import write_key
from exchange.migrate.progress import Moving, StackObject, listed_in, movings, objects_in
from exchange.stack.stack import (
    NAMESPACE,
    Pulumi,
    StackOutputs,
    StackProblem,
    read_stack,
    run_pulumi,
    stack_config,
    start_pulumi,
)
from exchange.stack.state import read_state
from kcadmin.objects.features import STANDARD
from kcadmin.rest.texts import named

SAID_ELSEWHERE = ("update failed", "preview failed", "unhandled error")


class RunFailed(StackProblem):
    """An ``up`` or a preview of the stack ended with errors."""


class StackRuns:
    """Reads one stack, writes the ``grants`` of its config, and deploys it. ``stack``: None for the selected one."""

    def __init__(self, stack: str | None, pulumi: Pulumi = run_pulumi) -> None:
        self._name = stack
        self._chosen = ["--stack", stack] if stack else []
        self._run = pulumi

    def stack(self) -> StackOutputs:
        """The stack's outputs and config."""
        return read_stack(self._name, self._run)

    def grants(self) -> list[Moving]:
        """How far each grant is now."""
        return movings(self.stack())

    def parts(self) -> list[StackObject]:
        """The Keycloak objects in the stack's state."""
        return objects_in(read_state(self._run, self._chosen))

    def to_phase(self, names: Collection[str], phase: str | None) -> None:
        """Writes ``migration`` of grants; None removes the key."""
        self._write(names, "migration", phase)

    def to_standard(self, names: Collection[str]) -> None:
        """Ends the migration. After a kill between the two writes, ``up`` refuses the config, and the next run ends it."""
        self._write(names, "exchange", STANDARD)
        self._write(names, "migration", None)

    def up(self) -> None:
        """:raises RunFailed: with the errors that Pulumi reports."""
        code, output = self._wait("up", "--yes", "--skip-preview")
        if code:
            raise RunFailed("\n".join(_errors(output)))

    def is_quiet(self) -> bool:
        """Whether an ``up`` would change nothing. :raises RunFailed: it cannot be previewed."""
        code, output = self._wait("preview", "--expect-no-changes")
        if code and "no changes were expected" not in output:
            raise RunFailed("\n".join(_errors(output)))
        return code == 0

    def _wait(self, *arguments: str) -> tuple[int, str]:
        """Runs it without a time limit. Ctrl-C reaches Pulumi too, which then ends its step and releases its lock."""
        with start_pulumi([*arguments, *self._chosen]) as child:
            try:
                output, words = child.communicate()
            except KeyboardInterrupt:
                child.communicate()
                raise
        return child.returncode, f"{output}\n{words}"

    def _write(self, names: Collection[str], key: str, value: str | None) -> None:
        """Sets a key of grants where they are listed now, since people may have edited that. None removes the key."""
        found = {str(each.given.get("name")): each for each in listed_in(stack_config(self._run, self._chosen))}
        if missing := sorted(set(names) - set(found)):
            raise StackProblem(
                f"grant {named(missing[0])}: is no longer in the stack's config; put it back, then run again."
            )
        in_files: dict[Path, dict[int, str | None]] = {}
        in_config: list[str] = []
        for each in (found[name] for name in names):
            if each.file:
                in_files.setdefault(each.file, {})[each.number] = value
            else:
                in_config.append(f"{NAMESPACE}:grants[{each.number}].{key}")
        for file, values in in_files.items():
            write_key(file, key, values)
        self._set(dict.fromkeys(in_config, value)) if value else self._unset(in_config)

    def _set(self, values: Mapping[str, str]) -> None:
        pairs = [word for key, value in values.items() for word in ("--plaintext", f"{key}={value}")]
        if pairs:
            self._run(["config", "set-all", "--path", *pairs, *self._chosen])

    def _unset(self, keys: list[str]) -> None:
        if keys:
            self._run(["config", "rm-all", "--path", *keys, *self._chosen])


def _errors(output: str) -> list[str]:
    lines = [line.strip().removeprefix("error: ") for line in output.splitlines() if "error:" in line]
    lines = [line for line in lines if not any(each in line for each in SAID_ELSEWHERE)]
    if "is currently locked" in output or "locked by" in output:
        lines.append(
            "stack: another run has locked it, or was killed; if no run is active, run `pulumi cancel`, then run this again."
        )
    return (
        list(dict.fromkeys(lines))
        or [line for line in output.splitlines() if line.strip()][-3:]
        or ["pulumi: ended without a message; it may have been killed."]
    )
