"""Parts of Pulumi's languages that tests need and no registry has ready: built with Go, once, from modules pinned here."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from local.layout import PROJECT, PULUMI, Say, UserError, only_one
from local.pulumi_cli import BUILT, build


@dataclass(frozen=True)
class Tool:
    """A command. module: the folder with its go.mod; package: what to build there; minutes: how long that takes at most."""

    name: str
    version: str
    module: str
    package: str
    minutes: int


YAML_HOST = Tool(
    "pulumi-language-yaml", "1.25.0", "pulumi_yaml", "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml", 3
)
JAVA_HOST = Tool(
    "pulumi-language-java", "1.22.0", "pulumi_java", "github.com/pulumi/pulumi-java/pkg/cmd/pulumi-language-java", 5
)
SDK_GENERATOR = Tool("pulumi-sdk", f"{BUILT}-local", "pulumi_sdk", ".", 2)


def yaml_host(beside: Path, say: Say) -> Path:
    """The folder of Pulumi's language host for YAML. beside: the folder of the CLI, since its releases contain it."""
    found = YAML_HOST.name if (beside / YAML_HOST.name).exists() else shutil.which(YAML_HOST.name)
    return (beside / found).parent if found else built(YAML_HOST, say).parent


def built(tool: Tool, say: Say) -> Path:
    """The command itself. :raises UserError: there is no Go."""
    target = PULUMI / f"{tool.name}-{tool.version}" / tool.name
    with only_one(tool.name):
        if not target.exists():
            go = shutil.which("go")
            if go is None:
                raise UserError(
                    f"{tool.name} is not here, and there is no Go to build it with; install Go 1.25.11 or newer, or the "
                    "Pulumi CLI with its language hosts (https://www.pulumi.com/docs/install/)."
                )
            say(f"building {tool.name} {tool.version} with Go, once ({tool.minutes} minutes)")
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = target.with_name(f"{tool.name}.{os.getpid()}.new")
            build(go, PROJECT / "local" / tool.module, tool.package, fresh)
            fresh.rename(target)
    return target
