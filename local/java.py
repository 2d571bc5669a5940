"""The Java runtime that Keycloak runs on."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from local.layout import UserError

OLDEST = 17
REMEDY = "install Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME"


def java() -> str:
    """The path of a Java that can run Keycloak: JAVA_HOME's, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not found or not os.access(found, os.X_OK):
        where = f"in JAVA_HOME {home}" if home else "on PATH"
        raise UserError(f"Keycloak needs Java and there is none {where}; {REMEDY}.")
    asked = subprocess.run([found, "-version"], capture_output=True, text=True)
    version = major_version(asked.stderr + asked.stdout)
    if asked.returncode != 0 or version is None:
        raise UserError(f"{found} does not print its version (exit code {asked.returncode}); {REMEDY}.")
    if version < OLDEST:
        raise UserError(f"{found} is Java {version} and Keycloak needs {OLDEST} or newer; {REMEDY}.")
    return found


def major_version(output: str) -> int | None:
    """The major version in what `java -version` prints: 17 for "17.0.15", 8 for "1.8.0_402"."""
    match = re.search(r'version "(?:1\.)?(\d+)', output)
    return int(match.group(1)) if match else None
