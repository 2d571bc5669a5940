"""Stacks that are measured: ours, and the same program with providers that do nothing."""

import json
import os
from pathlib import Path
from typing import Any

from bench.cases import Case, Command
from bench.measure import Failed
from bench.nothing import FACTS
from bench.state_parts import StateSize, size_of
from local import language_tools
from local.layout import PROJECT
from tests.e2e.stack import NAME, Stack

LONGEST_SECONDS = 3_600
COMMANDS = {
    "up": ("up", "--yes"),
    "quiet": ("up", "--yes"),
    "preview": ("preview",),
    "refresh": ("preview", "--refresh"),
    "add": ("up", "--yes"),
    "destroy": ("destroy", "--yes"),
}


class Ours:
    """This project's program on a stack of its own."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.stack = Stack(folder, case.pulumi, case.server, case.realm.name)
        self.stack.timeout_seconds = LONGEST_SECONDS
        if not case.checkpoints:
            self.stack.env["PULUMI_SKIP_CHECKPOINTS"] = "true"

    def command(self, phase: str) -> Command:
        """Prepares a phase, and says how to run it."""
        if phase in ("up", "add"):
            self.configure(1 if phase == "add" else 0)
        program = str(self.case.pulumi / "pulumi")
        rest = ["--non-interactive", "--color=never", "--stack", self.stack.name]
        return Command([program, *COMMANDS[phase], *rest], self.stack.project, self.stack.environment())

    def configure(self, more: int) -> None:
        self.stack.configure(*self.case.wanted(more), exchange=self.case.exchange)

    def run_instead(self, program: str) -> None:
        """Makes a program of this folder the stack's."""
        place = self.stack.project / "__main__.py"
        place.unlink()
        place.symlink_to(PROJECT / "bench" / program)
        (self.stack.project / "bench").symlink_to(PROJECT / "bench")

    def state(self) -> StateSize:
        """What the file of the state holds now."""
        return size_of(self.stack.state_file.read_text())

    def resources(self) -> set[str]:
        """The URNs in the state."""
        return {each["urn"] for each in json.loads(self.stack.export_text())["deployment"].get("resources") or ()}

    def tidy(self) -> None:
        """Ends what may be left of the stack's commands."""
        self.stack.end_left()


class InBulk(Ours):
    """The same program with one resource for all grants of the realm."""

    def configure(self, more: int) -> None:
        self.stack.configure(*self.case.wanted(more), exchange=self.case.exchange, resources="realm")


class Late(Ours):
    """The same grants, whose clients are outputs. See ``late``."""

    def __init__(self, case: Case, folder: Path) -> None:
        super().__init__(case, folder)
        self.run_instead("late.py")


class Packaged(Ours):
    """The same grants from a program in YAML, by the package."""

    def __init__(self, case: Case, folder: Path) -> None:
        super().__init__(case, folder)
        host = language_tools.yaml_host(case.pulumi, lambda line: None)
        self.stack.env["PATH"] = os.pathsep.join([str(host), self.stack.environment()["PATH"]])
        (self.stack.project / "Pulumi.yaml").unlink()
        (self.stack.project / "__main__.py").unlink()

    def configure(self, more: int) -> None:
        self.stack.configure(exchange=self.case.exchange)
        grants = {each["name"]: {k: v for k, v in each.items() if k != "name"} for each in self.case.wanted(more)}
        packages = {NAME: str(PROJECT / "package")}
        program = {"name": NAME, "runtime": "yaml", "packages": packages, "resources": self.declared(grants)}
        (self.stack.project / "Pulumi.yaml").write_text(json.dumps(program))  # JSON is YAML

    def declared(self, grants: dict[str, Any]) -> dict[str, Any]:
        """The resources of the program."""
        return {name: {"type": f"{NAME}:TokenExchangeGrant", "properties": each} for name, each in grants.items()}


class PackagedRealm(Packaged):
    """The same, as one resource of the package."""

    def declared(self, grants: dict[str, Any]) -> dict[str, Any]:
        realm = {"realm": self.case.realm.name, "grants": grants}
        return {self.case.realm.name: {"type": f"{NAME}:RealmGrants", "properties": realm}}


class EngineFloor(Ours):
    """The same program, which registers the same resources with providers that do nothing. See ``engine_floor``."""

    def __init__(self, case: Case, folder: Path) -> None:
        super().__init__(case, folder)
        self.run_instead("engine_floor.py")
        facts = case.folder / "facts"
        self.stack.env[FACTS] = str(facts)
        if not facts.exists():
            self.configure(1)
            asked = self.stack.try_("preview")
            if asked.code != 0:
                raise Failed(f"cannot ask the server what its program has to know:\n{asked.output}")
