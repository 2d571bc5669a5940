"""The package's examples, one a language, by the language hosts of the official CLI: `make test-languages`."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from local.layout import PROJECT, VENV
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows
from tests.e2e.stack import NAME, OTHER

EXAMPLES = PROJECT / "examples" / "package"
HOSTS = {"yaml": "yaml", "python": "python", "typescript": "nodejs", "go": "go"}
FIRST_BUILD_SECONDS = 900  # a first program in Go compiles Pulumi's SDK


def host_of(language: str, pulumi: Path) -> str | None:
    """A language host that can link a package: the one in Python that this project has cannot."""
    found = shutil.which(f"pulumi-language-{HOSTS[language]}", path=os.pathsep.join([str(pulumi), os.environ["PATH"]]))
    return None if found and Path(found).read_bytes().startswith(b"#!/bin/sh") else found


@pytest.mark.standard_exchange
@pytest.mark.skipif(not os.environ.get("TEST_LANGUAGES"), reason="run by make test-languages")
@pytest.mark.parametrize("language", HOSTS)
def test_an_example(language: str, pulumi: Path, yaml_host: Path, make_realm: MakeRealm, new_stack: NewStack) -> None:
    host = str(yaml_host / "pulumi-language-yaml") if language == "yaml" else host_of(language, pulumi)
    if host is None:
        pytest.skip(f"pulumi-language-{HOSTS[language]} is not on PATH; the official Pulumi CLI has it")
    realm = make_realm("standard", shop={}, orders={})
    before = realm.export()
    files = {each.name: each.read_text() for each in (EXAMPLES / language).iterdir() if each.is_file()}
    declared = yaml.safe_load(files["Pulumi.yaml"])
    assert declared["packages"] == {NAME: "../../../package"}
    declared |= {"name": OTHER, "packages": {NAME: str(PROJECT / "package")}}
    files["Pulumi.yaml"] = yaml.safe_dump(declared, sort_keys=False)
    stack = new_stack(realm, "standard", program=files)
    stack.timeout_seconds = FIRST_BUILD_SECONDS
    stack.env["PATH"] = os.pathsep.join([str(Path(host).parent), str(pulumi), str(VENV / "bin"), os.environ["PATH"]])
    stack.configure(grants=None)
    if language != "yaml":
        stack.run("install")
    assert stack.preview().writes == [] and realm.export() == before
    stack.up("--skip-preview")
    both_flows(realm, "standard", source="shop", target="orders")
    stack.preview("--expect-no-changes")
    stack.destroy("--skip-preview")
    as_it_was(realm, before, "standard")
