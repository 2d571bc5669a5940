"""What is measured against each other: this project in its forms, the floors, and other tools."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bench import terraform
from bench.cases import Case, Command, checkpoints_by_default, in_words
from bench.other_runs import curl, curl_is_missing, server_floor
from bench.pulumi_runs import EngineFloor, InBulk, Late, Ours, Packaged, PackagedRealm
from bench.state_parts import StateSize

OURS, REALM, LATE, PACKAGE, PACKAGE_REALM, ENGINE, SERVER, CURL, TOFU = COMPETITORS = (
    "ours",
    "realm",
    "late",
    "package",
    "package-realm",
    "engine",
    "server",
    "curl",
    "tofu",
)
BESIDE = (LATE, PACKAGE, PACKAGE_REALM)  # in tables beside ours, not in the plots
PULUMI = (OURS, REALM, LATE, PACKAGE, PACKAGE_REALM, ENGINE)  # run by Pulumi, so with or without its checkpoints
NAMES = {
    OURS: "this project",
    REALM: "one resource per realm",
    LATE: "late grants",
    PACKAGE: "package",
    PACKAGE_REALM: "package, one resource per realm",
    ENGINE: "engine floor",
    SERVER: "server floor",
    CURL: "curl script",
    TOFU: "OpenTofu or Terraform",
}
MOST_GRANTS = {LATE: 300, CURL: 100, TOFU: 1_000}


class Competitor(Protocol):
    """What goes through the phases in a folder of its own."""

    def command(self, phase: str) -> Command:
        """Prepares a phase, and says how to run it."""

    def state(self) -> StateSize | None:
        """The size of its state now."""

    def tidy(self) -> None:
        """Gives back what its ``destroy`` does not."""


MAKERS: dict[str, Callable[[Case, Path], Competitor]] = {
    OURS: Ours,
    REALM: InBulk,
    LATE: Late,
    PACKAGE: Packaged,
    PACKAGE_REALM: PackagedRealm,
    ENGINE: EngineFloor,
    SERVER: server_floor,
    CURL: curl,
    TOFU: terraform.Tofu,
}
WHY_MISSING: dict[str, Callable[[], str | None]] = {CURL: curl_is_missing, TOFU: terraform.is_missing}


def why_not(competitor: str, grants: int) -> str | None:
    """Why a competitor does not run here, or not with so many grants."""
    if grants > MOST_GRANTS.get(competitor, grants):
        return f"takes too long with more than {in_words(MOST_GRANTS[competitor])}"
    missing = WHY_MISSING.get(competitor)
    return missing() if missing else None


def label(competitor: str, grants: int, *, checkpoints: bool) -> str:
    """How results name a competitor: its name, and what differs from the default."""
    if competitor not in PULUMI or checkpoints == checkpoints_by_default(grants):
        return competitor
    return f"{competitor}, checkpoints {'on' if checkpoints else 'off'}"
