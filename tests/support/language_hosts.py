"""Stand-ins for Pulumi's language hosts for Node.js and Go, which no registry has: `language_hosts.py <runtime> … <engine>`.

What they start is Pulumi's own: the runner in the npm package `@pulumi/pulumi`, a program built with Pulumi's Go SDK, and
the generators of SDKs. They do what Pulumi's hosts do, as far as a program that uses a package from a folder needs it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from local import language_host
from local.language_host import LanguageHost, config_of, messages, plugin_pb2
from local.language_tools import SDK_GENERATOR, built


class StandIn(LanguageHost):
    """What both languages have in common."""

    runtime: str
    install: tuple[str, ...]
    About = language_host.language_pb2_grpc.LanguageRuntimeServicer.About
    GetProgramDependencies = language_host.language_pb2_grpc.LanguageRuntimeServicer.GetProgramDependencies

    def described(self, folder: Path) -> Iterable[dict[str, Any]]:
        """What the packages that a program depends on say of themselves."""
        raise NotImplementedError

    def linked(self, folder: Path, sdk: str) -> list[list[str]]:
        """The commands that make an SDK's folder one of a program's dependencies."""
        raise NotImplementedError

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        needed = [
            plugin_pb2.PackageDependency(
                name=told["name"],
                version=f"v{told['version']}",
                kind="resource",
                server=told.get("server", ""),
            )
            for told in self.described(Path(request.info.program_directory))
            if told.get("resource")
        ]
        return messages.GetRequiredPackagesResponse(packages=needed)

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        folder = request.info.program_directory
        yield from self.stream(
            list(self.install), folder, dict(os.environ), context, messages.InstallDependenciesResponse
        )

    def GeneratePackage(self, request: Any, context: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            schema = Path(folder) / "schema.json"
            schema.write_text(request.schema)
            self.ran([str(built(SDK_GENERATOR, lambda line: None)), str(schema), folder, self.runtime], folder, context)
            shutil.copytree(Path(folder) / self.runtime, request.directory, dirs_exist_ok=True)
        return messages.GeneratePackageResponse()

    def Link(self, request: Any, context: Any) -> Any:
        folder = Path(request.info.program_directory)
        for each in request.packages:
            for command in self.linked(folder, each.path):
                self.ran(command, folder, context)
        return messages.LinkResponse(import_instructions="The SDK is one of the program's dependencies now.")

    def ran(self, command: list[str], folder: str | Path, context: Any) -> None:
        """Runs a command; its failure is a gRPC error."""
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            context.abort(grpc.StatusCode.UNKNOWN, f"{' '.join(command)}: {done.stdout}{done.stderr}")


class Node(StandIn):
    """Runs TypeScript by `@pulumi/pulumi/cmd/run`, as `pulumi-language-nodejs` does."""

    runtime = "nodejs"
    install = ("npm", "install", "--loglevel", "error", "--no-audit", "--no-fund")

    def command(self, request: Any) -> tuple[list[str], dict[str, str]]:
        settings = {
            "monitor": request.monitor_address,
            "engine": sys.argv[-1],
            "organization": request.organization,
            "project": request.project,
            "root-directory": request.info.root_directory,
            "stack": request.stack,
            "pwd": request.info.program_directory,
            "parallel": str(request.parallel),
        }
        flags = [part for name, value in settings.items() if value for part in (f"--{name}", value)]
        runner = Path(request.info.program_directory) / "node_modules" / "@pulumi" / "pulumi" / "cmd" / "run"
        started = ["node", str(runner), *flags, *(["--dry-run"] if request.dryRun else []), request.info.entry_point]
        return started, {**os.environ, **config_of(request), "PULUMI_NODEJS_TYPESCRIPT": "true"}

    def described(self, folder: Path) -> Iterable[dict[str, Any]]:
        for pattern in ("*/package.json", "@*/*/package.json"):
            for file in (folder / "node_modules").glob(pattern):
                yield json.loads(file.read_text()).get("pulumi") or {}

    def linked(self, folder: Path, sdk: str) -> list[list[str]]:
        name = json.loads((folder / sdk / "package.json").read_text())["name"]
        return [
            ["npm", "pkg", "set", f"dependencies[{name}]=file:{sdk}"],
            ["npm", "pkg", "set", "--json", f"allowScripts={json.dumps({f'file:{sdk}': True})}"],
        ]


class Go(StandIn):
    """Builds the program and runs it, as `pulumi-language-go` does."""

    runtime = "go"
    install = ("go", "mod", "tidy")

    def command(self, request: Any) -> tuple[list[str], dict[str, str]]:
        folder = request.info.program_directory
        program = Path(tempfile.mkdtemp(dir=folder, prefix=".built-")) / "program"
        subprocess.run(["go", "build", "-o", str(program), "."], cwd=folder, check=True)
        settings = {
            "ORGANIZATION": request.organization,
            "PROJECT": request.project,
            "ROOT_DIRECTORY": request.info.root_directory,
            "STACK": request.stack,
            "DRY_RUN": str(request.dryRun).lower(),
            "PARALLEL": str(request.parallel),
            "MONITOR": request.monitor_address,
            "ENGINE": sys.argv[-1],
        }
        named = {f"PULUMI_{name}": value for name, value in settings.items() if value}
        return [str(program)], {**os.environ, **config_of(request), **named}

    def described(self, folder: Path) -> Iterable[dict[str, Any]]:
        listed = subprocess.run(["go", "mod", "edit", "-json"], cwd=folder, capture_output=True, text=True, check=True)
        for replaced in json.loads(listed.stdout).get("Replace") or ():
            for file in (folder / replaced["New"]["Path"]).glob("*/pulumi-plugin.json"):
                yield json.loads(file.read_text())

    def linked(self, folder: Path, sdk: str) -> list[list[str]]:
        module = (folder / sdk / "go.mod").read_text().split()[1]
        return [["go", "mod", "edit", f"-replace={module}=./{sdk}"]]


HOSTS = {host.runtime: host for host in (Node, Go)}


if __name__ == "__main__":
    language_host.main(HOSTS[sys.argv[1]]())
