"""The folder of a Pulumi project, to which the paths in its config are relative."""

from pathlib import Path
from typing import Any

PROJECTS = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")  # JSON is YAML
PATHS = ("caCertificate", "clientCertificate", "clientKey", "clientAssertionFile")
"""The keys of a connection that hold paths."""


def project_folder(start: Path | None = None) -> Path:
    """The folder of the Pulumi project around a folder, by default the current one; with ``main`` a program starts deeper."""
    here = (start or Path.cwd()).absolute()
    return next((each for each in (here, *here.parents) if any((each / name).is_file() for name in PROJECTS)), here)


def found(key: str, text: str) -> str:
    """The text of a config key; a path as an absolute one."""
    return str(project_folder() / text) if text and key in PATHS else text


def as_given(key: str, value: Any) -> Any:
    """The reverse, for a state that other machines read: a path in the project becomes relative to its folder."""
    folder = project_folder()
    inside = key in PATHS and Path(value).is_relative_to(folder)
    return str(Path(value).relative_to(folder)) if inside else value
