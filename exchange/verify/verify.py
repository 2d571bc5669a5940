"""Proves the grants of a stack by real exchanges, one case after another. What cannot be tried is predicted, and marked so."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from kcadmin.rest.errors import HttpError, Refusal
from kcadmin.rest.session import Session
from kcadmin.rest.texts import named
from reach.chains import Chains
from reach.prediction import Predictor
from reach.proof import Case, Prover, Subject, Verdict, choose_subject
from reach.subject_tokens import Secrets

Began = Callable[[int, Case], None]


def prefetch(cases: Sequence[Case], secrets: Secrets) -> None:
    """Reads each secret, or asks for it, before anything else is printed."""
    for case in cases:
        for client_id in (case.source, case.requester):
            with suppress(Refusal, HttpError):  # the case reports it, when it asks for the secret again
                secrets(case.realm, client_id)


def verify(
    session: Session,
    cases: Sequence[Case],
    user: Subject | None,
    secrets: Secrets,
    began: Began = lambda number, case: None,
    *,
    givers: Sequence[Case] = (),
    dry_run: bool = False,
    left_open: list[str] | None = None,
) -> list[Verdict]:
    """The verdicts in the order of the cases.

    The notes of a case that could not be tried contain its prediction.

    :param user: whose tokens are exchanged; without one, each source's service account's, and where there is none, or its
        secret is not available, a dry run.
    :param givers: the cases of the whole stack; they give services their tokens.
    :param began: told the number of each case, from 1, before it is tried.
    :param dry_run: nothing is exchanged; the user needs no password then.
    :param left_open: is told what could not be ended afterwards, also where an error is raised.
    :raises Unreachable, LoginRefused, Refusal: nothing can be proved or predicted.
    """
    verdicts = []
    chains = Chains(givers)
    predictor = Predictor(session, cases, user.username if user else None)
    with Prover(session, secrets, left_open, givers) as prover:
        for number, case in enumerate(cases, 1):
            began(number, case)
            if dry_run:
                verdicts.append(predictor.predict(case))
                continue
            subject = user or _service_account(session, case, secrets, chains)
            if isinstance(subject, Subject):
                verdict = prover.prove(case, subject)
                verdicts.append(verdict if verdict.tried else _foreseen(predictor, verdict))
            else:
                predicted = predictor.predict(case)
                verdicts.append(replace(predicted, notes=(subject, *predicted.notes)))
    return verdicts


def _foreseen(predictor: Predictor, verdict: Verdict) -> Verdict:
    """The prediction for an exchange that could not be tried, if there is one."""
    try:
        predicted = predictor.predict(verdict.case)
    except (Refusal, HttpError) as problem:
        return replace(verdict, unknown=(str(problem),))
    words = {True: "would work", False: f"would fail: {predicted.reason}", None: f"works {predicted.reason}"}
    note = f"predicted: {words[predicted.outlook]}"
    return replace(verdict, outlook=predicted.outlook, notes=(note, *predicted.notes), unknown=predicted.unknown)


def _service_account(session: Session, case: Case, secrets: Secrets, chains: Chains) -> Subject | str:
    """The subject, or why a service account proves nothing here. It is the source's own, or one at the start of a chain to it."""
    if case.roles:
        held = f"{' or '.join(case.roles)} of users"
        return f"grant {named(case.grant)}: requires {held}, so a service account proves nothing; give --as-user"
    try:
        subject = choose_subject(session, case.realm, case.source, environ={})
        for client_id in (case.source, case.requester):
            secrets(case.realm, client_id)
    except (Refusal, HttpError) as problem:
        given = (
            _service_account(session, each, secrets, chains)
            for each in chains.to(case.realm, case.source, case.requester)[0]
        )
        return next((each for each in given if isinstance(each, Subject)), str(problem))
    return subject
