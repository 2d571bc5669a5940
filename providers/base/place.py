"""Where a stack is.

On self-managed backends all organizations have the same name, so only the backend distinguishes stacks with equal names.

Pulumi tells neither its program nor its plugins which backend it uses, so this is read as the Pulumi CLI reads it. A plugin has
the CLI's environment, which the program of the Automation API may not have.
https://www.pulumi.com/docs/iac/concepts/state-and-backends/
"""

import functools
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import yaml  # type: ignore[import-untyped]

from kcadmin.marks.ownership import stack_text
from kcadmin.rest.project import PROJECTS, project_folder

SELF_MANAGED = "organization/"  # what each self-managed backend calls its organization
URL, HOME, CREDENTIALS = "PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_CREDENTIALS_PATH"
FILE = "file"
STARTED_WITH = "PULUMI_CONFIG"  # in which Pulumi passes a program its config


@functools.cache
def stack_here(name: str) -> str:
    """A stack as in marks. name: ``<organization>/<project>/<stack>``, or its form in earlier marks."""
    if not name.startswith(SELF_MANAGED) or "@" in name:
        return name
    return stack_text(name, place(backend_url(os.environ, project_folder())))


def stack_of_program(name: str) -> str:
    """The same for a program. One that runs inline is not started by Pulumi, and may have another environment than its CLI."""
    return stack_here(name) if STARTED_WITH in os.environ else name


def backend_url(environment: Mapping[str, str], project: Path) -> str:
    """The address of the backend; empty if it cannot be found."""
    return environment.get(URL) or _of_project(project) or _of_login(environment)


def place(url: str) -> str:
    """The place in an address, without parameters and logins."""
    parts = urlsplit(url)
    if parts.scheme == FILE:
        return f"{FILE}://{Path(url.removeprefix(f'{FILE}://').partition('?')[0]).expanduser().resolve()}"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}" if parts.scheme else ""


def _of_project(project: Path) -> str:
    for name in PROJECTS:
        with suppress(OSError, yaml.YAMLError, AttributeError):
            backend = (yaml.safe_load((project / name).read_text(encoding="utf-8")) or {}).get("backend") or {}
            return str(backend.get("url") or "")
    return ""


def _of_login(environment: Mapping[str, str]) -> str:
    home = Path(environment.get(HOME) or Path.home() / ".pulumi")
    with suppress(OSError, ValueError, AttributeError):
        credentials = Path(environment.get(CREDENTIALS) or home) / "credentials.json"
        return str(json.loads(credentials.read_text(encoding="utf-8")).get("current") or "")
    return ""
