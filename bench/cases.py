"""What is measured: phases of a stack's life, by number of grants, exchange and competitor."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.keycloak import Server
from tests.support.realms import TestRealm

EXCHANGES = ("standard", "legacy")
PHASES = {
    "up": "`up` of new grants",
    "quiet": "`up`, nothing changed",
    "preview": "`preview`, nothing changed",
    "refresh": "`preview --refresh`, nothing changed",
    "add": "`up` of one more grant",
    "destroy": "`destroy`",
}
CHECKPOINTS_OFF_FROM = 1_000
FEWEST_ROUNDS = 3  # with fewer, seconds are not kept


@dataclass(frozen=True)
class Case:
    """A realm with ``grants + 1`` sources and as many targets, and which pairs of them become grants."""

    exchange: str
    grants: int
    checkpoints: bool
    realm: TestRealm
    server: Server
    pulumi: Path
    folder: Path

    def wanted(self, more: int = 0) -> list[dict[str, Any]]:
        """The grants as a stack's config names them."""
        return [
            {"name": f"grant-{number}", "sources": [source(number)], "target": target(number), "flows": ["requester"]}
            for number in range(self.grants + more)
        ]


@dataclass(frozen=True)
class Command:
    """A program to run to its end. What it costs is the cost of a phase."""

    arguments: list[str]
    folder: Path
    environment: dict[str, str]


def source(number: int) -> str:
    return f"source-{number}"


def target(number: int) -> str:
    return f"target-{number}"


def in_words(grants: int) -> str:
    return f"{grants:,} grant{'' if grants == 1 else 's'}"


def checkpoints_by_default(grants: int) -> bool:
    """Whether a stack of that many grants is measured with Pulumi's checkpoints by default."""
    return grants < CHECKPOINTS_OFF_FROM
