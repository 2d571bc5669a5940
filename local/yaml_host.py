"""Pulumi's language host for programs in YAML, for the tests: the one that is there, else built with Go from pinned modules."""

import os
import shutil
from pathlib import Path

from local.layout import PROJECT, PULUMI, Say, UserError, only_one
from local.pulumi_cli import build

NAME = "pulumi-language-yaml"
VERSION = "1.25.0"
GO_MODULE = PROJECT / "local" / "pulumi_yaml"
PACKAGE = "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"


def install(beside: Path, say: Say) -> Path:
    """Make sure that there is a host, and return the folder that it is in. beside: the folder of the CLI."""
    found = NAME if (beside / NAME).exists() else shutil.which(NAME)
    if found:
        return (beside / found).parent
    folder = PULUMI / f"yaml-{VERSION}"
    with only_one("pulumi-yaml"):
        if not (folder / NAME).exists():
            go = shutil.which("go")
            if go is None:
                raise UserError(
                    f"{NAME} is not on PATH, and there is no Go to build it with; install the Pulumi CLI, which has it, or Go "
                    "1.25 or newer."
                )
            say(f"building {NAME} {VERSION} with Go, once (3 minutes)")
            folder.mkdir(parents=True, exist_ok=True)
            fresh = folder / f"{NAME}.{os.getpid()}.new"
            build(go, GO_MODULE, PACKAGE, fresh)
            fresh.rename(folder / NAME)
    return folder
