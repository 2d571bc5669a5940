"""The rounds of a case: every competitor goes through the phases, one after the other."""

from collections.abc import Callable, Sequence

from bench.cases import PHASES, Case, in_words
from bench.competitors import ENGINE, MAKERS, NAMES, Competitor, label
from bench.measure import Failed, Sample, measure
from bench.pulumi_runs import InBulk, Late, Ours, Packaged
from bench.realm import left
from bench.results import Measured
from bench.state_parts import StateSize

Say = Callable[[str], None]
NEEDED = ("up", "destroy")


class CaseRun:
    """All rounds of a case; what was measured stays when a competitor fails."""

    def __init__(self, case: Case, competitors: Sequence[str], phases: Sequence[str], say: Say) -> None:
        self.case, self._say = case, say
        self._competitors = list(competitors)
        self._phases = [phase for phase in PHASES if phase in phases or phase in NEEDED]
        self._kept = set(phases)
        self._samples: dict[str, dict[str, list[Sample]]] = {each: {} for each in competitors}
        self._states: dict[str, StateSize | None] = {}
        self._resources: dict[str, set[str]] = {}
        self.failures: list[str] = []

    def run(self, rounds: int) -> None:
        """Runs the rounds, in each from another competitor on. A competitor that fails takes part in none after it."""
        for number in range(rounds):
            turn = number % max(1, len(self._competitors))
            for competitor in (*self._competitors[turn:], *self._competitors[:turn]):
                self._round(competitor, f"round {number + 1} of {rounds}", f"round-{number}")

    def measured(self) -> list[Measured]:
        """What was found so far."""
        case = self.case
        return [
            Measured(
                case.exchange,
                case.grants,
                label(competitor, case.grants, checkpoints=case.checkpoints),
                {phase: each for phase, each in samples.items() if phase in self._kept},
                self._states.get(competitor),
            )
            for competitor, samples in self._samples.items()
        ]

    def _round(self, competitor: str, which: str, folder: str) -> None:
        case = self.case
        found: dict[str, Sample] = {}
        try:
            made = MAKERS[competitor](case, case.folder / folder / competitor)
            for phase in self._phases:
                found[phase] = sample = measure(made.command(phase), case.server)
                self._say(
                    f"{case.exchange}, {in_words(case.grants)}, {which}: {NAMES[competitor]}, {phase}: "
                    f"{sample.seconds:.2f} s, {sample.requests} requests, {sample.writes} of them writes"
                )
                if phase == "up":
                    self._look(competitor, made)
            made.tidy()
            self._check(competitor, found)
        except Failed as problem:
            self._competitors.remove(competitor)
            self.failures.append(f"{case.exchange}, {in_words(case.grants)}: {NAMES[competitor]}: {problem}")
            self._say(self.failures[-1])
            return
        for phase, sample in found.items():
            self._samples[competitor].setdefault(phase, []).append(sample)

    def _look(self, competitor: str, made: Competitor) -> None:
        self._states[competitor] = made.state()
        if isinstance(made, Ours) and not isinstance(made, InBulk | Late | Packaged):
            self._resources[competitor] = made.resources()

    def _check(self, competitor: str, found: dict[str, Sample]) -> None:
        """Whether what was measured is what it is said to be. :raises Failed: it is not."""
        asked = sum(sample.requests for sample in found.values())
        if competitor == ENGINE and asked:
            raise Failed(f"asks the server, {asked} times; its providers must do nothing")
        if len({frozenset(each) for each in self._resources.values()}) > 1:
            raise Failed(
                "registers other resources than this project's program; it must do the same but for the server"
            )
        if remains := left(self.case):
            raise Failed(f"leaves {', '.join(remains[:3])}{' and more' if len(remains) > 3 else ''}")
