"""What people should know about a realm besides its grants, and how much of that is shown."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from kcadmin.rest.texts import FEW, together

FEW_TOGETHER = 3


class Level(str, Enum):
    """The kinds of remarks."""

    LOST = "not carried over"
    STACKS = "of a stack"
    EMPTY = "grants nothing"
    ADDED = "up adds"
    NOTE = "note"


@dataclass(frozen=True, order=True)
class Remark:
    """Something that people should know. about: the object; says: what it is, or would mean; remedy: what to do, if anything.

    place: where it is, if whoever may write there can make any number of them. number: how many this one represents.
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
    """Joins findings that somebody may write in any number at one place into one with their number. In order."""
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
