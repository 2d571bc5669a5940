"""What the project is made of, as people list it."""

import json
import re
import subprocess
import sys
from importlib import metadata

from local.layout import PROJECT
from local.lock import SBOM
from local.venv import LOCK

SECONDS = 600
SAY_NO_LICENCE = {"protobuf", "pulumi-policy"}  # docs/supply-chain.md names theirs


def named(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def test_the_sbom_holds_every_locked_package_with_its_licence() -> None:
    command = [sys.executable, "-m", "local", "sbom", "--", "--no-validate"]  # which is nine tenths of the tool's work
    made = subprocess.run(command, cwd=PROJECT, text=True, capture_output=True, timeout=SECONDS)
    assert made.returncode == 0, made.stderr
    found = json.loads(SBOM.read_text())
    assert (found["bomFormat"], found["metadata"]["component"]["name"]) == ("CycloneDX", "keycloak-token-exchange")
    components = {named(each["name"]): each for each in found["components"]}
    installed = {named(each.name): each.version for each in metadata.distributions()}
    locked = {named(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", LOCK.read_text(), re.MULTILINE)}
    assert {name: components[name]["version"] for name in locked & {*installed}} == {
        name: installed[name] for name in locked & {*installed}
    }
    assert {name for name in locked & {*installed} if not components[name].get("licenses")} <= SAY_NO_LICENCE
    assert all(components[name]["purl"].startswith("pkg:pypi/") for name in locked & {*installed})
