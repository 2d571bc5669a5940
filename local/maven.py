"""Artifacts out of Maven's repositories, each checked against the SHA-1 beside it."""

import os
import shutil
from pathlib import Path

from local import downloads, processes
from local.layout import DOWNLOADS


def fetch(artifact: str, version: str, kind: str, target: Path, *, what: str) -> None:
    """Copy an artifact to `target`; its checksum is an artifact of the same name.

    artifact: `<group>:<name>`. kind: `zip`, `jar`. what: for a person.

    :raises downloads.WrongChecksumError: the file is not what its publisher's checksum says.
    """
    scratch = DOWNLOADS / f"maven-{target.name}.{os.getpid()}"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        for each in (f"{kind}.sha1", kind):
            processes.run(
                [
                    *("mvn", "--quiet", "--batch-mode", "dependency:copy"),
                    f"-Dartifact={artifact}:{version}:{each}",
                    f"-DoutputDirectory={scratch}",
                ],
                what=f"Maven download of {what}",
                cwd=DOWNLOADS,
            )
        fetched = scratch / f"{artifact.split(':')[1]}-{version}.{kind}"
        downloads.verify(fetched, fetched.with_name(f"{fetched.name}.sha1").read_text().split()[0], "sha1")
        fetched.replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
