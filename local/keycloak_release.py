"""The Keycloak distribution: through Maven where it is installed, else Keycloak's own release download."""

import shutil
from pathlib import Path

from local import checksums, downloads, maven
from local.layout import DOWNLOADS, Say, UserError, only_one

ARTIFACT = "org.keycloak:keycloak-quarkus-dist"
RELEASE = "https://github.com/keycloak/keycloak/releases/download"
GIVEN = "KEYCLOAK_SHA256"
OTHERWISE = "choose another KEYCLOAK_VERSION, or use a server that runs already with KEYCLOAK_URL=…"


def archive(version: str, say: Say) -> Path:
    """The zip of a version, downloaded once, and checked at each use."""
    target = DOWNLOADS / f"keycloak-{version}.zip"
    with only_one(f"keycloak-archive-{version}"):
        if not target.exists():
            DOWNLOADS.mkdir(parents=True, exist_ok=True)
            if shutil.which("mvn"):
                say("downloading through Maven")
                maven.fetch(ARTIFACT, version, "zip", target, what=f"Keycloak {version}", remedy=OTHERWISE)
            else:
                by_download(version, target, say)
        checksums.require(target, checksums.KEYCLOAK.get(version), what=f"Keycloak {version}", variable=GIVEN)
    return target


def by_download(version: str, target: Path, say: Say) -> None:
    """Download the release archive from Keycloak's own release page."""
    url = f"{RELEASE}/{version}/keycloak-{version}.zip"
    say(f"downloading {url}")
    try:
        downloads.fetch(url, target)
    except downloads.UnreachableError as error:
        raise UserError(
            f"Keycloak {version} could not be downloaded: {error}; install Maven (Debian: apt-get install maven), "
            "or use a server that runs already with KEYCLOAK_URL=…."
        ) from None
