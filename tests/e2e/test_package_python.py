"""The package from a program in Python that has a folder `components` of its own, with the SDK that Pulumi makes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.language_tools import SDK_GENERATOR, built
from local.layout import PROJECT, VENV
from local.pulumi_cli import go_environment
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows
from tests.e2e.stack import NAME, OTHER, Stack

EXAMPLE = PROJECT / "examples" / "package" / "python" / "__main__.py"
SDK = "pulumi_keycloak_token_exchange"
LANGUAGES = ("python", "nodejs", "go")
FILES = {
    "python": f"{SDK}/audience_mapper.py",
    "nodejs": "audienceMapper.ts",
    "go": "keycloaktokenexchange/audienceMapper.go",
}
Sdks = Callable[[Stack], Path]


@pytest.fixture
def sdks(tmp_path: Path) -> Sdks:
    """Makes the SDKs of all languages, from the schema that the CLI gets."""

    def make(stack: Stack) -> Path:
        got = subprocess.run(
            ["pulumi", "package", "get-schema", str(PROJECT / "package")],
            cwd=stack.project, env=stack.environment(), capture_output=True, text=True, timeout=300, check=True)  # fmt: skip
        assert "warning" not in got.stderr.lower().replace("using pulumi-language-python from $path", ""), got.stderr
        schema = tmp_path / "schema.json"
        schema.write_text(got.stdout)
        generator = built(SDK_GENERATOR, lambda line: None)
        made = subprocess.run([generator, schema, tmp_path, *LANGUAGES], capture_output=True, text=True, timeout=300)
        assert (made.returncode, made.stderr) == (0, ""), made.stderr
        return tmp_path

    return make


def installed(sdk: Path) -> list[str]:
    """The folders that a program in Python finds the SDK in: as `pip install` leaves it, with what it needs."""
    site = sdk / "site"
    needs = PROJECT / "tests" / "fixtures" / "package" / "requirements.txt"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--require-hashes",
        "--target",
        str(site),
        "-r",
        str(needs),
    ]
    subprocess.run(pip, check=True, capture_output=True, timeout=300)
    version = json.loads((sdk / "python" / SDK / "pulumi-plugin.json").read_text())["version"]
    told = site / f"{SDK}-{version}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {SDK}\nVersion: {version}\n")
    return [str(sdk / "python"), str(site)]


def compiled(sdk: Path) -> None:
    """Compiles the SDK for Go, with the modules that its generator is built from: no others are fetched."""
    generator = PROJECT / "local" / SDK_GENERATOR.module
    (sdk / "go.sum").write_text((generator / "go.sum").read_text())
    module = (sdk / "go.mod").read_text().splitlines()[0]
    (sdk / "go.mod").write_text("\n".join([module, *(generator / "go.mod").read_text().splitlines()[1:]]))
    done = subprocess.run(
        ["go", "build", "./keycloaktokenexchange"],
        cwd=sdk, env=go_environment(), capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.standard_exchange
def test_a_program_with_folders_of_its_own(make_realm: MakeRealm, new_stack: NewStack, sdks: Sdks) -> None:
    realm = make_realm("standard", shop={}, orders={})
    before = realm.export()
    program = {
        "Pulumi.yaml": json.dumps({"name": OTHER, "runtime": "python", "packages": {NAME: str(PROJECT / "package")}}),
        "__main__.py": "from components import EXAMPLE\n\nEXAMPLE()\n",
        "components/__init__.py": f"import runpy\n\n\ndef EXAMPLE():\n    runpy.run_path({str(EXAMPLE)!r})\n",
        "providers/__init__.py": "raise AssertionError('not ours')\n",
    }
    stack = new_stack(realm, "standard", program=program)
    stack.configure(grants=None)
    made = sdks(stack)
    for language, file in FILES.items():
        assert "customAudience" in (made / language / file).read_text(), language
    compiled(made / "go")
    stack.env["PYTHONPATH"] = os.pathsep.join(installed(made))
    checked = subprocess.run(
        [str(VENV / "bin" / "mypy"), "--strict", "--follow-imports=silent", str(EXAMPLE)],
        env={**os.environ, "MYPYPATH": str(made / "python")}, capture_output=True, text=True, timeout=300)  # fmt: skip
    assert checked.returncode == 0, checked.stdout

    done = stack.up("--skip-preview")
    both_flows(realm, "standard", source="shop", target="orders")
    assert {flow["requester"] for flow in stack.outputs()["flows"]} == {"shop", "orders"}
    quiet = stack.up("--skip-preview")
    assert quiet.writes == [] and quiet.counted() == {"unchanged": done.counted()["created"]}, quiet.output
    stack.destroy("--skip-preview")
    as_it_was(realm, before, "standard")
