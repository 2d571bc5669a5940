"""Proves the grants of a stack by real exchanges, one case after another."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from kcadmin.errors import HttpError, Refusal
from kcadmin.proof import Case, Prover, Secrets, Subject, Verdict, choose_subject
from kcadmin.session import Session

Began = Callable[[int, Case], None]


def prefetch(cases: Sequence[Case], secrets: Secrets) -> None:
    """Has each secret looked up, or asked for, before anything else is written to the terminal."""
    for case in cases:
        for client_id in (case.source, case.requester):
            with suppress(Refusal, HttpError):  # said by the case itself, which asks for the secret again
                secrets(case.realm, client_id)


def verify(
    session: Session,
    cases: Sequence[Case],
    user: Subject | None,
    secrets: Secrets,
    began: Began = lambda number, case: None,
) -> tuple[list[Verdict], list[str]]:
    """The verdicts in the order of the cases, and what could not be ended afterwards.

    :param user: whose tokens are exchanged; without one, each source's service account's.
    :param began: told the number of each case, from 1, before it is tried.
    :raises Unreachable, LoginRefused: nothing can be proved.
    """
    verdicts = []
    chosen: dict[tuple[str, str], Subject | str] = {}
    with Prover(session, secrets) as prover:
        for number, case in enumerate(cases, 1):
            began(number, case)
            key = (case.realm, case.source)
            if key not in chosen:
                chosen[key] = user or _service_account(session, case)
            subject = chosen[key]
            if isinstance(subject, str):
                verdicts.append(Verdict(case, None, proved=False, reason=subject))
            else:
                verdicts.append(prover.prove(case, subject))
    return verdicts, prover.left_open


def _service_account(session: Session, case: Case) -> Subject | str:
    try:
        return choose_subject(session, case.realm, case.source, environ={})
    except (Refusal, HttpError) as problem:
        return str(problem)
