"""The results of exchanges that no grant declares, for people and for programs."""

from collections.abc import Sequence
from typing import Any

from exchange.terminal.printing import counted
from exchange.verify.deny import IMPLIED, NOT_TRIED, REFUSED, UNDECLARED, Denial

STYLES = {UNDECLARED: "bold red", IMPLIED: "dim", NOT_TRIED: "yellow"}


def objects(denials: Sequence[Denial]) -> list[dict[str, Any]]:
    """An object each, also of what was refused."""
    return [
        {
            "realm": each.realm,
            "requester": each.exchange.requester,
            "source": each.exchange.source,
            "audience": each.exchange.audience,
            "declared": False,
            "result": each.result,
            "proved": each.proved,
            "because": list(each.why),
        }
        for each in denials
    ]


def lines(denials: Sequence[Denial]) -> list[tuple[str, str]]:
    """A line and its style for each that was not simply refused, allowed ones first.

    Those not tried for the same reason share a line.
    """
    shown = [each for result in (UNDECLARED, IMPLIED) for each in denials if each.result == result]
    found = [(f"{each.result}: {each} (realm {each.realm}){_because(each)}", STYLES[each.result]) for each in shown]
    untried: dict[tuple[str, tuple[str, ...]], int] = {}
    for each in denials:
        if each.result == NOT_TRIED:
            untried[each.realm, each.why] = untried.get((each.realm, each.why), 0) + 1
    for (realm, why), number in untried.items():
        words = f"{NOT_TRIED}: {number} in realm {realm}, which its settings would refuse, or which are implied: {'; '.join(why)}"
        found.append((words, STYLES[NOT_TRIED]))
    return found


def summary(denials: Sequence[Denial]) -> str:
    """The run in one sentence."""
    counts = [sum(each.result == result for each in denials) for result in (REFUSED, IMPLIED, UNDECLARED, NOT_TRIED)]
    refused, implied, undeclared, untried = counts
    rest = f", {untried} not tried" if untried else ""
    return (
        f"{counted(len(denials), 'exchange')} that no grant declares: {refused} refused, {implied} implied by the grants, "
        f"{undeclared} allowed though undeclared{rest}."
    )


def _because(denial: Denial) -> str:
    return f": {'; '.join(denial.why)}" if denial.why else ""
