"""Artifacts out of Maven's repositories. The caller checks them by local/checksums.py."""

import os
import shutil
from pathlib import Path

from local import processes
from local.layout import DOWNLOADS

MISSING = ("Could not find artifact", "was not found in")  # also if Maven remembers an earlier failure
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
SHORT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # for a JVM that lives for seconds: 2.8 instead of 3.7 s of CPU


def fetch(
    artifact: str, version: str, kind: str, target: Path, *, what: str, remedy: str = "check the version"
) -> None:
    """Copy an artifact to `target`.

    artifact: `<group>:<name>`. kind: `zip`, `jar`. what: in words; remedy: what to do if no repository has it.
    """
    scratch = DOWNLOADS / f"maven-{target.name}.{os.getpid()}"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        processes.run(
            [
                *("mvn", "--quiet", "--batch-mode", COPY),
                f"-Dartifact={artifact}:{version}:{kind}",
                f"-DoutputDirectory={scratch}",
            ],
            what=f"Maven download of {what}",
            cwd=DOWNLOADS,
            env={"MAVEN_OPTS": SHORT, **os.environ},
            known=dict.fromkeys(
                MISSING, f"{what}: Maven's repositories do not have {artifact}:{version}:{kind}; {remedy}."
            ),
        )
        (scratch / f"{artifact.split(':')[1]}-{version}.{kind}").replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
