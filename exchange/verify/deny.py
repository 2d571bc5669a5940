"""Proves that what grants neither declare nor imply is refused: every other exchange among their clients is tried.

A refusal counts only where it is about the exchange: a wrong secret or a token that is valid no more proves nothing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from kcadmin.objects.realm import features_of, realm_for
from kcadmin.rest import texts
from kcadmin.rest.errors import HttpError, Refusal, TokenRefused
from kcadmin.rest.session import Session
from reach.allowed import RealmReach
from reach.among_clients import reach_among_clients
from reach.declared import declared, opened_by
from reach.exchanges import Exchange, Reach
from reach.prediction import reasons
from reach.proof import Case, Prover, Subject
from reach.refusals import STALE, is_about_the_exchange
from reach.subject_tokens import NoToken, Secrets, Token

REFUSED, IMPLIED, UNDECLARED, NOT_TRIED = "refused", "implied", "undeclared", "not tried"
MOST_EXCHANGES = 2000
Began = Callable[[int, str], None]


@dataclass(frozen=True)
class Denial:
    """The result of an exchange that no grant declares. why: what lets it pass, or why it was not tried."""

    realm: str
    exchange: Exchange
    result: str
    why: tuple[str, ...] = ()

    @property
    def proved(self) -> bool:
        """Whether it was tried, and nothing is open that the grants do not open."""
        return self.result in (REFUSED, IMPLIED)

    def __str__(self) -> str:
        requester, source, audience = self.exchange
        return (
            f"{texts.named(requester)} turns a token of {texts.named(source)} into one for "
            f"{f'{audience!r}' if audience else 'itself'}"
        )


@dataclass(frozen=True)
class Attempts:
    """What will be tried in a realm. clients: ids. cases: of all its grants. opened: what these allow together."""

    realm: str
    clients: tuple[str, ...]
    cases: tuple[Case, ...]
    opened: Reach
    state: RealmReach
    exchanges: tuple[Exchange, ...]


def attempts(
    session: Session, chosen: Iterable[Case], cases: Sequence[Case], guards: Collection[str]
) -> list[Attempts]:
    """Every exchange among the clients of the chosen cases that no grant declares, realm by realm.

    :param cases: of all grants of the stack. guards: of its config.
    :raises Refusal: there are more than can be tried in a reasonable time.
    """
    clients: dict[str, set[str]] = {}
    for case in chosen:
        clients.setdefault(case.realm, set()).update((case.source, case.requester, case.target))
    found, features = [], features_of(session) if clients else None
    for name, among in clients.items():
        assert features is not None
        here = tuple(case for case in cases if case.realm == name)
        state = reach_among_clients(realm_for(session, name), features, among).reach
        reach = opened_by(here, guards, legacy=features.legacy_exchange)
        exchanges = tuple(_undeclared(sorted(among), declared(here)))
        found.append(Attempts(name, tuple(sorted(among)), here, reach, state, exchanges))
    number = sum(len(each.exchanges) for each in found)
    if number > MOST_EXCHANGES:
        raise Refusal(f"--deny: would try {number} exchanges, and {MOST_EXCHANGES} is the limit; name fewer grants.")
    return found


def deny(
    session: Session,
    todo: Sequence[Attempts],
    user: Subject | None,
    secrets: Secrets,
    began: Began = lambda number, what: None,
    left_open: list[str] | None = None,
) -> list[Denial]:
    """The result of each, in order.

    :param user: whose tokens are exchanged; without one, each client's own service account's.
    :param left_open: is told what could not be ended afterwards, also where an error is raised.
    :raises Unreachable, LoginRefused: nothing can be tried.
    """
    denials: list[Denial] = []
    givers = [case for each in todo for case in each.cases]
    with Prover(session, secrets, left_open, givers) as prover:
        for each in todo:
            tokens = _Tokens(prover, each, user)
            for exchange in each.exchanges:
                denials.append(_tried(prover, each, tokens, exchange))
                began(len(denials), str(denials[-1]))
    return denials


class _Tokens:
    """A token of each client: from a grant of the stack, else by a login."""

    def __init__(self, prover: Prover, todo: Attempts, user: Subject | None) -> None:
        self._prover, self._todo, self._user = prover, todo, user
        self._found: dict[str, Token | str] = {}

    def of(self, client: str) -> Token | str:
        """The token, or why there is none."""
        if client not in self._found:
            try:
                subject = self._user or Subject()
                self._found[client] = self._prover.subject_token(self._todo.realm, client, subject)
            except (Refusal, HttpError, NoToken) as problem:
                self._found[client] = str(problem)
        return self._found[client]

    def renew(self) -> None:
        """Tokens expire: the next ones come from new logins."""
        self._prover.renew(self._todo.realm)
        self._found.clear()


def _undeclared(clients: Sequence[str], named: Collection[Exchange]) -> Iterator[Exchange]:
    """A requester's exchange of its own tokens for itself gives it nothing new."""
    for requester in clients:
        for source in clients:
            for audience in (None, *(each for each in clients if each != requester)):
                exchange = Exchange(requester, source, audience)
                if exchange not in named and (source, audience) != (requester, None):
                    yield exchange


def _tried(prover: Prover, todo: Attempts, tokens: _Tokens, exchange: Exchange) -> Denial:
    allowed = _allowed(prover, todo.realm, tokens, exchange)
    if allowed is False:
        return Denial(todo.realm, exchange, REFUSED)
    if isinstance(allowed, str):
        computed = todo.state.verdict(*exchange)
        if todo.opened.allows(*exchange) or not computed.allowed:
            return Denial(todo.realm, exchange, NOT_TRIED, (allowed,))
        return Denial(todo.realm, exchange, UNDECLARED, ("computed and not tried", *_why(todo, exchange)))
    if todo.opened.allows(*exchange):
        return Denial(todo.realm, exchange, IMPLIED)
    return Denial(todo.realm, exchange, UNDECLARED, _why(todo, exchange))


def _allowed(prover: Prover, realm: str, tokens: _Tokens, exchange: Exchange) -> bool | str:
    """Whether the server allows it, or why that is not known."""
    problem = ""
    for _ in range(2):  # the second try is with fresh tokens
        token = tokens.of(exchange.source)
        if isinstance(token, str):
            return token
        try:
            prover.exchange(realm, exchange.requester, token, exchange.audience)
        except TokenRefused as refused:
            problem = str(refused)
            if refused.description == STALE:
                tokens.renew()
                continue
            return False if is_about_the_exchange(refused) else problem
        except (Refusal, HttpError) as refusal:
            return str(refusal)
        return True
    return problem


def _why(todo: Attempts, exchange: Exchange) -> tuple[str, ...]:
    return reasons(todo.state, todo.state.verdict(*exchange), exchange.requester)
