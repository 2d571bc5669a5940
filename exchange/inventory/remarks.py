"""What people should know of a realm beside its grants, and how much of it is told."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from kcadmin.rest.texts import FEW, together

FEW_TOGETHER = 3


class Level(str, Enum):
    """What a finding comes to."""

    LOST = "not carried over"
    STACKS = "of a stack"
    EMPTY = "grants nothing"
    ADDED = "up adds"
    NOTE = "note"


@dataclass(frozen=True, order=True)
class Remark:
    """Something that people should know. about: the object; says: what it is, or would mean; remedy: what to do, if anything.

    place: where it is, if who may write there decides how many of the kind there are. number: how many this one stands for.
    """

    level: Level
    about: str
    says: str
    remedy: str = ""
    place: str = field(default="", compare=False)
    number: int = 1

    def sentence(self) -> str:
        """The finding in one sentence."""
        return f"{self.about}: {self.says}{f'; {self.remedy}' if self.remedy else ''}."


def few(findings: Iterable[Remark]) -> list[Remark]:
    """What somebody may write in any number at one place is one finding, which tells how many there are. In order."""
    told: list[Remark] = []
    for same in together(sorted(findings, key=_order), lambda each: (each.level, each.place) if each.place else None):
        if len(same) <= FEW:
            told += same
            continue
        such = "; ".join(f"{each.about} {each.says}" for each in same[:FEW_TOGETHER])
        says = f"are {len(same)}, such as: {such}"
        remedies = {each.remedy for each in same}
        do = (
            remedies.pop()
            if len(remedies) == 1
            else "find who wrote them; anybody who may write there may have invented them"
        )
        told.append(Remark(same[0].level, same[0].place, says, do, number=len(same)))
    return sorted(told, key=_order)


def _order(finding: Remark) -> tuple[int, str, str]:
    return (list(Level).index(finding.level), finding.about, finding.says)
