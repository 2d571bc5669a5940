"""The Keycloak distribution: through Maven where it is installed, else Keycloak's own release download."""

import shutil
from pathlib import Path

from local import downloads, maven
from local.layout import DOWNLOADS, Say, UserError, only_one

ARTIFACT = "org.keycloak:keycloak-quarkus-dist"
RELEASE = "https://github.com/keycloak/keycloak/releases/download"


def archive(version: str, say: Say) -> Path:
    """The zip of a version, fetched once and checked against its publisher's SHA-1."""
    target = DOWNLOADS / f"keycloak-{version}.zip"
    with only_one(f"keycloak-archive-{version}"):
        if not target.exists():
            DOWNLOADS.mkdir(parents=True, exist_ok=True)
            try:
                if shutil.which("mvn"):
                    by_maven(version, target, say)
                else:
                    by_download(version, target, say)
            except downloads.WrongChecksumError as error:
                raise UserError(f"{error}; nothing was installed, try again on a network that you trust.") from None
    return target


def by_maven(version: str, target: Path, say: Say) -> None:
    """Copy the artifact out of Maven's repositories."""
    say("downloading through Maven")
    maven.fetch(ARTIFACT, version, "zip", target, what=f"Keycloak {version}")


def by_download(version: str, target: Path, say: Say) -> None:
    """Download the release archive and its checksum from Keycloak's own release page."""
    url = f"{RELEASE}/{version}/keycloak-{version}.zip"
    say(f"downloading {url}")
    try:
        expected = downloads.text(f"{url}.sha1").split()[0]
        downloads.fetch(url, target, expected, "sha1")
    except downloads.UnreachableError as error:
        raise UserError(
            f"Keycloak {version} could not be downloaded: {error}; install Maven (Debian: apt-get install maven), "
            "or use a server that runs already with KEYCLOAK_URL=…."
        ) from None
