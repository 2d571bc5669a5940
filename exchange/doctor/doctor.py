"""Finds why exchanges are refused: chooses the exchanges, runs the checks, and orders the findings by likelihood."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exchange.doctor import request
from exchange.doctor.checks import CHECKS
from exchange.doctor.error_catalogue import BOTH, EXCHANGED
from exchange.doctor.error_texts import Reading, read_error, read_event
from exchange.doctor.finding import Finding, Question
from exchange.doctor.realm_reader import AnswerCache, RealmReader
from exchange.stack.stack import StackOutputs
from kcadmin.objects.client_secrets import variable
from kcadmin.objects.features import LEGACY, STANDARD, SWITCH
from kcadmin.rest.errors import HttpError, KeycloakError, Refusal
from reach.proof import RECIPIENT, REQUESTER, THIRD, Case

STOPS = "realm-missing"
UNDECLARED = ""
Began = Callable[[int, Case], None]


@dataclass(frozen=True)
class Asked:
    """A person's question. source, target: client ids; None for every grant. error: the text of the refusal."""

    source: str | None = None
    target: str | None = None
    requester: str | None = None
    flow: str | None = None
    exchange: str | None = None
    as_user: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Refused:
    """The newest refusal among the realm's events. time: milliseconds since 1970; says: the catalogue's description."""

    time: int
    error: str
    reason: str
    says: str


@dataclass(frozen=True)
class Diagnosis:
    """What was found of one exchange, the likeliest first. notes: what may be wrong without a known error.

    reading: what the error text means. in_order: checks that found nothing. unseen: what could not be checked, and why.
    """

    case: Case
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...] = ()
    in_order: tuple[str, ...] = ()
    unseen: tuple[tuple[str, str], ...] = ()
    reading: Reading | None = None
    refused: Refused | None = None


@dataclass
class Doctor:
    """Checks exchanges of one server. environ: may contain a requester's secret, which is then tested.

    guessed: why it is not known which exchange answers an undeclared one.
    """

    cache: AnswerCache
    asked: Asked
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    guessed: list[KeycloakError] = field(default_factory=list, repr=False)

    def cases(
        self, stack: StackOutputs | None, realm: str, grants: Sequence[str] = (), *, within: str | None = None
    ) -> list[Case]:
        """The exchanges to check: a stack's grants, or the one between source and target.

        One that no grant declares has no grant's name. within: only grants in that realm.

        :raises StackProblem: no such grant, or none in that realm.
        """
        asked = self.asked
        if asked.source is None or asked.target is None:
            return stack.cases(grants, within) if stack else []
        declared = [each for each in stack.cases() if self._means(each, realm)] if stack else []
        return declared or [self._undeclared(realm, asked.source, asked.target)]

    def examine(self, cases: Iterable[Case], began: Began = lambda number, case: None) -> list[Diagnosis]:
        """The diagnosis of each case. began: called with the number of each, from 1, before it is checked.

        :raises Unreachable, LoginRefused: nothing can be read.
        """
        found = []
        for number, case in enumerate(cases, 1):
            began(number, case)
            found.append(self._diagnose(case))
        return found

    def _means(self, case: Case, realm: str) -> bool:
        asked = self.asked
        flow = REQUESTER if case.flow == THIRD else case.flow
        return (
            (case.realm, case.source, case.target) == (realm, asked.source, asked.target)
            and asked.requester in (None, case.requester)
            and asked.flow in (None, flow)
            and asked.exchange in (None, case.exchange)
        )

    def _undeclared(self, realm: str, source: str, target: str) -> Case:
        reading = self._reading(self.asked.exchange)
        requester = self.asked.requester
        if requester is None:
            asks = self.asked.flow == REQUESTER or (self.asked.flow is None and _asks_for_audience(reading))
            requester = source if asks else target
        flow = RECIPIENT if requester == target else REQUESTER if requester == source else THIRD
        exchange = self.asked.exchange or self._exchange(self.cache.realm(realm), requester, target, reading)
        return Case(UNDECLARED, realm, exchange, flow, source, requester, target, None if flow == RECIPIENT else target)

    def _exchange(self, reader: RealmReader, requester: str, target: str, reading: Reading | None) -> str:
        """The exchange that answers: the standard one by its switch or by the words; the legacy one where it is set up."""
        features = self.cache.features
        said = (reading.exchanges - {BOTH}) if reading else frozenset()
        try:
            client, audience = reader.client(requester), reader.client(target)
            if client and client.is_on(SWITCH) and features.standard_exchange:
                return STANDARD
            if len(said) == 1 and BOTH not in (reading.exchanges if reading else ()):
                return next(iter(said))
            if features.offers(LEGACY) and audience and requester != target and reader.permission_resource(audience):
                return LEGACY
        except (HttpError, Refusal) as problem:
            self.guessed.append(problem)
        return STANDARD if features.standard_exchange or not features.legacy_exchange else LEGACY

    def _reading(self, exchange: str | None) -> Reading | None:
        return read_error(self.asked.error, exchange) if self.asked.error else None

    def _diagnose(self, case: Case) -> Diagnosis:
        """Runs the checks, and orders what they find by what is known of the refusal: the text, else the newest event."""
        question = Question(
            case,
            self.cache.realm(case.realm),
            grant=case.grant != UNDECLARED,
            as_user=self.asked.as_user,
            secret=self.environ.get(variable(case.requester)),
            reading=self._reading(case.exchange),
        )
        found, in_order = _run(question)
        stopped = any(each.cause == STOPS for each in found)
        for problem in self.guessed if case.grant == UNDECLARED and not stopped else ():
            question.note_unseen(f"which exchange answers, so {case.exchange} is taken", problem)
        refused = None if stopped else _last_refusal(question, in_order)
        causes: Sequence[str] = question.reading.causes if question.reading else ()
        if not any(each.cause in causes for each in found):
            found += request.request_faults(question)
        if refused and not causes:
            event = read_event(refused.error, refused.reason, case.exchange)
            causes = event.causes if event else ()
        ordered = sorted(found, key=lambda each: _rank(each, causes, question.reading))
        certain = [each for each in ordered if each.sure or question.may_be(each.cause)]
        return Diagnosis(
            case,
            tuple(certain),
            tuple(each for each in ordered if each not in certain),
            tuple(in_order),
            tuple(question.unseen),
            question.reading,
            refused,
        )


def _run(question: Question) -> tuple[list[Finding], list[str]]:
    """What the checks find, and the titles of those that find nothing."""
    found: list[Finding] = []
    in_order: list[str] = []
    for check in CHECKS:
        title, unseen = check.title(question), len(question.unseen)
        try:
            if not check.when(question):
                continue
            told = list(check.run(question))
        except (HttpError, Refusal) as problem:
            question.note_unseen(title, problem)
            continue
        found += told
        if not told and len(question.unseen) == unseen:
            in_order.append(title)
        if any(each.cause == STOPS for each in told):
            break
    return found, in_order


def _rank(finding: Finding, causes: Sequence[str], reading: Reading | None) -> tuple[int, bool, bool]:
    """Sorts findings, the likeliest first: by the error text, what it is about, certainty, Keycloak's order."""
    at = causes.index(finding.cause) if finding.cause in causes else len(causes)
    other = bool(reading and reading.token and finding.token and reading.token != finding.token)
    return (len(causes) if other else at, other, not finding.sure)


def _asks_for_audience(reading: Reading | None) -> bool:
    """Whether an error text belongs to a request with another client's audience."""
    if reading is None:
        return False
    about_target = {"permission-off", "target-missing", "target-disabled"} & {*reading.causes}
    return reading.token == EXCHANGED or bool(reading.rows and about_target)


def _last_refusal(question: Question, in_order: list[str]) -> Refused | None:
    """The newest event of this exchange; others of the same requester may be about other targets."""
    case = question.case
    try:
        kept = (question.reader.settings() or {}).get("eventsEnabled")
        events = question.reader.refused_exchanges(case.requester)
    except (HttpError, Refusal) as problem:
        question.note_unseen("events of the last hour", problem)
        return None
    for event in events:
        details: Mapping[str, Any] = event.get("details") or {}
        about = details.get("audience") in (None, case.target)
        if about and details.get("subject_token_client_id") in (None, case.source):
            error, reason = str(event.get("error") or ""), str(details.get("reason") or "")
            known = read_event(error, reason, case.exchange)
            return Refused(int(event["time"]), error, reason, known.title if known else "")
    if kept:
        in_order.append("no refusal of it among the events of the last hour")
    return None
