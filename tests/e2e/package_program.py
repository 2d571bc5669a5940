"""Programs of another project, in YAML, that use the package."""

import json
import os
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from local.layout import PROJECT
from tests.e2e.conftest import NewStack
from tests.e2e.stack import NAME, OTHER, Stack
from tests.support.realms import TestRealm

Resources = dict[str, Any]


def yaml_program(resources: Resources, name: str = OTHER, **more: Any) -> dict[str, str]:
    """A program's files."""
    packages = {NAME: str(PROJECT / "package")}
    written = {"name": name, "runtime": "yaml", "packages": packages, "resources": resources, **more}
    return {"Pulumi.yaml": json.dumps(written, indent=2)}  # JSON is YAML


def new_yaml_stack(
    new_stack: NewStack, realm: TestRealm, host: Path, resources: Resources, server: str = "standard", **more: Any
) -> Stack:
    """A stack of such a program. host: the folder of the language host. server: that of the realm."""
    stack = new_stack(realm, server, program=yaml_program(resources, **more))
    stack.env["PATH"] = os.pathsep.join([str(host), stack.environment()["PATH"]])
    stack.configure(grants=None)
    return stack


def rewritten(stack: Stack, resources: Resources, **more: Any) -> Stack:
    """The same stack with another program."""
    (stack.project / "Pulumi.yaml").write_text(yaml_program(resources, **more)["Pulumi.yaml"])
    return stack


def resource(kind: str, **properties: Any) -> Resources:
    return {"type": f"{NAME}:{kind}", "properties": properties}


def grant(**properties: Any) -> Resources:
    return resource("TokenExchangeGrant", **{"sources": ["shop"], "target": "orders", **properties})


def command(stack: Stack, *args: str, code: int = 0) -> "CompletedProcess[str]":
    """Runs ``python -m exchange`` from a clone in the program's folder."""
    stack.env["PYTHONPATH"] = str(PROJECT)
    try:
        done = stack.exchange(*args)
    finally:
        del stack.env["PYTHONPATH"]
    assert done.returncode == code, done.stdout + done.stderr
    return done
