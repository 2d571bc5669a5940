"""The lock files: every package that requirements files lead to, on every platform, with the SHA-256 of each wheel.

No lock contains an index: pip uses the machine's, and refuses files with another hash.
"""

import hashlib
import os
import subprocess
from pathlib import Path

from local import processes, venv
from local.layout import LOCAL, PROJECT, TOOLS, Say

OLDEST_PYTHON = "3.10"
PACKAGE = PROJECT / "package" / "requirements.in"
FOLDERS = ("", "bench", "local/tools", "tests/support/s3")
REQUIREMENTS = (*(PROJECT / folder / "requirements.txt" for folder in FOLDERS), PACKAGE)
HEAD = """# Made by `make lock` from {name}, whose SHA-256 without comments is
# {digest}
# Install it with `pip install --require-hashes --only-binary :all: -r`.
"""
SBOM = LOCAL / "sbom.cdx.json"


def lock_of(requirements: Path) -> Path:
    """The lock of a requirements file. For a plugin Pulumi installs ``requirements.txt``, so there that file is the lock."""
    return requirements.with_suffix(".txt" if requirements == PACKAGE else ".lock")


def head(requirements: Path) -> str:
    """The beginning of a lock: it says from which requirements file it was made."""
    lines = [line.strip() for line in requirements.read_text().splitlines()]
    wanted = "\n".join(sorted(line for line in lines if line and not line.startswith("#")))
    name = requirements.relative_to(PROJECT)
    options = "--only-binary :all:\n" if requirements == PACKAGE else ""  # pip checks hashes if there are some
    return HEAD.format(name=name, digest=hashlib.sha256(wanted.encode()).hexdigest()) + options


def write_locks(say: Say) -> None:
    """Write all locks again. Versions in a lock stay unless the requirements need another one."""
    uv = venv.environment(TOOLS, venv.TOOLS_LOCK, say).with_name("uv")
    env = {**os.environ, **_index()}
    for requirements in REQUIREMENTS:
        lock = lock_of(requirements)
        say(f"locking {requirements.relative_to(PROJECT)}")
        scratch = lock.with_suffix(".new")
        preferred = venv.LOCK if requirements == PACKAGE else lock  # the plugin runs with what is tested
        if preferred.exists():
            scratch.write_bytes(preferred.read_bytes())  # its versions are preferred
        options = ("--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", "--only-binary", ":all:")
        quiet = ("--no-header", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--quiet")
        command: list[str | Path] = [uv, "pip", "compile", requirements, *options, *quiet, "--output-file", scratch]
        try:
            processes.run(command, what=f"lock of {requirements.relative_to(PROJECT)}", cwd=PROJECT, env=env)
            lock.write_text(head(requirements) + scratch.read_text())
        finally:
            scratch.unlink(missing_ok=True)


def write_sbom(say: Say, *options: str) -> Path:
    """Describe the installed packages of the project, with their licences, as a CycloneDX JSON file.

    options: further ones of cyclonedx-py.
    """
    python = venv.install(say)
    program = venv.environment(TOOLS, venv.TOOLS_LOCK, say).with_name("cyclonedx-py")
    command: list[str | Path] = [program, "environment", "--pyproject", PROJECT / "pyproject.toml"]
    command += ["--output-reproducible", "--output-format", "JSON", "--output-file", SBOM, *options, python]
    processes.run(command, what="SBOM", cwd=PROJECT)
    return SBOM


def _index() -> dict[str, str]:
    """The index that the machine's pip uses, since uv does not read pip's settings."""
    if "UV_DEFAULT_INDEX" in os.environ:
        return {}
    asked: list[str | Path] = [venv.PYTHON, "-m", "pip", "config", "get", "global.index-url"]
    found = os.environ.get("PIP_INDEX_URL") or subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    return {"UV_DEFAULT_INDEX": found} if found else {}
