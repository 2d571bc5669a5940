"""The Pulumi CLI: an installed one, the official release if it can be checked, or one built with Go from pinned modules."""

import contextlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import tarfile
from pathlib import Path

from local import checksums, downloads, processes
from local.layout import LOCAL, PROJECT, PULUMI, PULUMI_BIN, VENV, Say, UserError, only_one

OLDEST = (3, 200)
RELEASED = BUILT = "3.255.0"
GIVEN = "PULUMI_SHA256"
RELEASES = "https://github.com/pulumi/pulumi/releases/download"
GO_MODULE = PROJECT / "local" / "pulumi"
COMMAND_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
SDK_FILES = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")


def install(say: Say) -> Path:
    """Make sure that there is a Pulumi CLI and return the folder that it is in."""
    if (PULUMI_BIN / "pulumi").exists():
        return PULUMI_BIN
    found = shutil.which("pulumi")
    if found is not None:
        version = version_of(found)
        if version is not None and version >= OLDEST:
            say(f"{found} is used, version {'.'.join(map(str, version))}")
            return Path(found).parent
        say(f"{found} is older than {'.'.join(map(str, OLDEST))}: not used")
    with only_one("pulumi"):
        if not (PULUMI_BIN / "pulumi").exists():
            scratch = PULUMI / f"bin.{os.getpid()}.new"
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            if is_checked_release():
                try:
                    by_release(scratch, say)
                except downloads.UnreachableError as error:
                    say(f"release not reachable: {error}")
                    by_go(scratch, say)
            else:
                by_go(scratch, say)
            shutil.rmtree(PULUMI_BIN, ignore_errors=True)
            scratch.rename(PULUMI_BIN)
    return PULUMI_BIN


def without_logs(home: Path) -> Path:
    """A PULUMI_HOME in which Pulumi writes no log of each run: they are half of the engine's work, and no setting turns them off.

    A file is in the place of their folder, and Pulumi continues without. Existing logs stay, and are continued.
    """
    home.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (home / "logs").touch(exist_ok=False)
    return home


def is_checked_release() -> bool:
    """Whether the release for this machine can be checked: its SHA-256 is kept here, or given."""
    return release_name(platform.system(), platform.machine()) in checksums.PULUMI or checksums.given(GIVEN) is not None


def version_of(pulumi: str) -> tuple[int, ...] | None:
    """The version that a CLI prints; None if it prints none."""
    try:
        told = subprocess.run([pulumi, "version"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", told.strip())
    return tuple(int(part) for part in match.groups()) if match else None


def release_name(system: str, machine: str) -> str:
    """The archive of the official release for a machine, as `platform` names it."""
    architecture = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(machine.lower())
    if system not in ("Linux", "Darwin") or architecture is None:
        raise UserError(f"Pulumi has no release for {system} on {machine}; install the Pulumi CLI and put it on PATH.")
    return f"pulumi-v{RELEASED}-{system.lower()}-{architecture}.tar.gz"


def by_release(folder: Path, say: Say) -> None:
    """Install the official release, whose archive must have the SHA-256 that is kept here, or that a person gives.

    :raises downloads.UnreachableError: it cannot be fetched.
    """
    name = release_name(platform.system(), platform.machine())
    say(f"downloading {RELEASED}")
    archive = LOCAL / "downloads" / name
    downloads.fetch(f"{RELEASES}/v{RELEASED}/{name}", archive)
    checksums.require(archive, checksums.PULUMI.get(name), what=f"Pulumi {RELEASED}", variable=GIVEN)
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            source = opened.extractfile(member) if member.isfile() else None
            if source is not None:
                target = folder / Path(member.name).name
                target.write_bytes(source.read())
                target.chmod(0o755)
    archive.unlink()


def by_go(folder: Path, say: Say) -> None:
    """Build the CLI from the modules pinned in `local/pulumi/`, and put our own Python language host beside it."""
    go = shutil.which("go")
    if go is None:
        raise UserError(
            f"the Pulumi CLI is not on PATH, its release {RELEASED} is not reachable or has no SHA-256 here to check it "
            "by, and there is no Go to build it with; install the Pulumi CLI (https://www.pulumi.com/docs/install/) or "
            f"Go 1.25.11 or newer, or give the SHA-256 of the release's archive as Pulumi publishes it with {GIVEN}=…."
        )
    say(f"building {BUILT} with Go, once (5 minutes)")
    version = f"-X {SDK_MODULE}/go/common/version.Version=v{BUILT}"
    build(go, GO_MODULE, COMMAND_PACKAGE, folder / "pulumi", version)
    listed = processes.run(
        [go, "list", "-m", "-f", "{{.Dir}}", SDK_MODULE], what="Go module look-up", cwd=GO_MODULE, env=go_environment()
    )
    sdk = Path(listed.strip().splitlines()[-1])
    for name in SDK_FILES:
        target = folder / Path(name).name
        shutil.copyfile(sdk / name, target)
        target.chmod(0o755)
    starter = folder / "pulumi-language-python"
    starter.write_text(starter_text(VENV / "bin" / "python", PROJECT / "local" / "language_host.py"))
    starter.chmod(0o755)


def build(go: str, module: Path, package: str, target: Path, flags: str = "") -> None:
    """Build a command from the versions that a module of ours pins."""
    command: list[str | Path] = [go, "build", "-ldflags", f"-s -w {flags}".strip(), "-o", target, package]
    processes.run(command, what=f"Go build of {target.name}", cwd=module, env=go_environment())


def go_environment() -> dict[str, str]:
    """The variables of a build that does not change our modules."""
    return {**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}


def starter_text(python: Path, host: Path) -> str:
    """The shell script that the engine calls as language host. `-I`: our folder must not shadow a standard module."""
    return (
        "#!/bin/sh\n"
        'here=$(cd "$(dirname "$0")" && pwd)\n'
        f"python={shlex.quote(str(python))}\n"
        ': "${PULUMI_PYTHON_CMD:=$python}"\n'
        "export PULUMI_PYTHON_CMD\n"
        'PULUMI_LANGUAGE_PYTHON_EXEC="$here/pulumi-language-python-exec"\n'
        "export PULUMI_LANGUAGE_PYTHON_EXEC\n"
        f'exec "$python" -I -u {shlex.quote(str(host))} "$@"\n'
    )
