"""Where the tests kill runs of the real ``pulumi``."""

import os
from typing import NamedTuple

ALL = bool(os.environ.get("ALL_KILL_POINTS"))
CHECKPOINT_SECONDS = 0.3


class Point(NamedTuple):
    """Where a run is killed: before or after its write number ``write`` (from 0). A move leaves ``exchange``."""

    operation: str
    exchange: str
    write: int
    done: bool
    checkpoints: bool = True

    def __str__(self) -> str:
        when = "after" if self.done else "before"
        return f"{self.operation}-{self.exchange}-{when}-{self.write}{'' if self.checkpoints else '-no-checkpoints'}"
