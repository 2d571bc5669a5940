"""The package's examples, one a language: `make test-languages`.

By the language hosts of the official CLI where they are on PATH. Else the one for Java is built, and those for Node.js
and Go have stand-ins.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from local.language_tools import JAVA_HOST, built
from local.layout import PROJECT, VENV
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows
from tests.e2e.stack import NAME, OTHER, Stack
from tests.support.realms import TestRealm

EXAMPLES = PROJECT / "examples" / "package"
HOSTS = {"yaml": "yaml", "python": "python", "typescript": "nodejs", "go": "go", "java": "java"}
STARTED = {"nodejs": "npm", "go": "go"}
"""What the stand-ins for Pulumi's language hosts start."""
FIRST_BUILD_SECONDS = 900  # a first program in Go compiles Pulumi's SDK
AUDIENCE, OTHER_AUDIENCE = "https://reports.example.com", "https://bills.example.com"


def host_of(runtime: str, pulumi: Path, folder: Path) -> Path | None:
    """A language host that can link a package: Pulumi's own, else a stand-in; the one in Python cannot."""
    name = f"pulumi-language-{runtime}"
    found = shutil.which(name, path=os.pathsep.join([str(pulumi), os.environ["PATH"]]))
    if found and not Path(found).read_bytes().startswith(b"#!/bin/sh"):
        return Path(found)
    if runtime == "java" and shutil.which("mvn"):
        return built(JAVA_HOST, print)
    if runtime not in STARTED or not shutil.which(STARTED[runtime]):
        return None
    started = shlex.join([sys.executable, "-u", str(PROJECT / "tests" / "support" / "language_hosts.py"), runtime])
    (folder / name).write_text(f'#!/bin/sh\nexec {started} "$@"\n')
    (folder / name).chmod(0o755)
    return folder / name


def installed(stack: Stack) -> None:
    """What ``pulumi install`` does: the SDK is made and linked, and the language's own packages are fetched."""
    done = subprocess.run(
        ["pulumi", "install", "--non-interactive", "--color=never"],
        cwd=stack.project, env=stack.environment(), capture_output=True, text=True, timeout=FIRST_BUILD_SECONDS)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def audiences(realm: TestRealm) -> list[str]:
    """The custom audiences in the tokens of orders."""
    held = [each["config"].get("included.custom.audience") for each in realm.client("orders")["protocolMappers"]]
    return [each for each in held if each]


@pytest.mark.standard_exchange
@pytest.mark.skipif(not os.environ.get("TEST_LANGUAGES"), reason="run by make test-languages")
@pytest.mark.parametrize("language", HOSTS)
def test_an_example(
    language: str, pulumi: Path, yaml_host: Path, make_realm: MakeRealm, new_stack: NewStack, tmp_path: Path
) -> None:
    host = yaml_host / "pulumi-language-yaml" if language == "yaml" else host_of(HOSTS[language], pulumi, tmp_path)
    if host is None:
        pytest.skip(f"pulumi-language-{HOSTS[language]} is not on PATH; the official Pulumi CLI has it")
    realm = make_realm("standard", shop={}, orders={})
    before = realm.export()
    folder = EXAMPLES / language
    files = {
        str(each.relative_to(folder)): each.read_text()
        for each in folder.rglob("*")
        if each.is_file() and "__pycache__" not in each.parts
    }
    declared = yaml.safe_load(files["Pulumi.yaml"])
    assert declared["packages"] == {NAME: "../../../package"}
    declared |= {"name": OTHER, "packages": {NAME: str(PROJECT / "package")}}
    files["Pulumi.yaml"] = yaml.safe_dump(declared, sort_keys=False)
    (program,) = [name for name, text in files.items() if AUDIENCE in text]
    stack = new_stack(realm, "standard", program=files)
    stack.timeout_seconds = FIRST_BUILD_SECONDS
    stack.env["PATH"] = os.pathsep.join([str(host.parent), str(pulumi), str(VENV / "bin"), os.environ["PATH"]])
    stack.configure(grants=None)
    if language != "yaml":
        installed(stack)

    assert stack.preview().writes == [] and realm.export() == before
    done = stack.up("--skip-preview")
    both_flows(realm, "standard", source="shop", target="orders")
    assert {flow["requester"] for flow in stack.outputs()["flows"]} == {"shop", "orders"}
    quiet = stack.up()
    assert quiet.writes == [] and quiet.counted() == {"unchanged": done.counted()["created"]}, quiet.output

    (stack.project / program).write_text(files[program].replace(AUDIENCE, OTHER_AUDIENCE))
    there = realm.export()
    seen = stack.preview("--diff")
    assert seen.writes == [] and realm.export() == there and OTHER_AUDIENCE in seen.output, seen.output
    stack.up("--skip-preview")
    assert audiences(realm) == [OTHER_AUDIENCE]

    (mapper,) = [each for each in realm.client("orders")["protocolMappers"] if OTHER_AUDIENCE in str(each["config"])]
    realm.delete_mapper("orders", mapper["name"])
    stack.refresh("--skip-preview")
    stack.up("--skip-preview")
    assert audiences(realm) == [OTHER_AUDIENCE]
    stack.refresh("--skip-preview", "--expect-no-changes")
    stack.destroy("--skip-preview")
    as_it_was(realm, before, "standard")
