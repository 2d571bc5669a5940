"""Denials: what counts as refused, and what proves nothing."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from exchange.verify import deny as module
from exchange.verify.deny import IMPLIED, NOT_TRIED, REFUSED, UNDECLARED, Attempts, Denial, attempts, deny
from kcadmin.objects.features import Features
from kcadmin.rest.errors import Refusal, TokenRefused
from kcadmin.rest.session import Session
from kcadmin.rest.tokens import Issued
from reach.allowed import RealmReach
from reach.exchanges import Exchange, Reach
from reach.proof import Case, Subject
from reach.reasons import Reasoning
from reach.subject_tokens import NoToken, Token

ALICE = Subject("alice", "pw")
NO = TokenRefused(403, "access_denied", "Client not allowed to exchange")
STALE = TokenRefused(400, "invalid_request", "Invalid token")


class State:
    """A realm's state that allows what it is told."""

    clients: dict[str, Any] = {}
    lacks: dict[str, str] = {}

    def __init__(self, *allowed: Exchange) -> None:
        self.allowed = allowed

    def verdict(self, *exchange: Any) -> Reasoning:
        return Reasoning("standard", why_not=() if Exchange(*exchange) in self.allowed else ("closed",))


class FakeProver:
    """Lets no exchange through but the named; ``answers`` come first, one a try."""

    def __init__(self, *allowed: Exchange, answers: tuple[Exception, ...] = (), tokens: str = "abc") -> None:
        self.allowed, self.answers, self.tokens = allowed, iter(answers), tokens
        self.logins: list[str] = []

    def __call__(self, session: object, secrets: object, left_open: object, givers: object) -> "FakeProver":
        return self

    def __enter__(self) -> "FakeProver":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def subject_token(self, realm: str, client: str, subject: Subject) -> Token:
        self.logins.append(client)
        if client not in self.tokens:
            raise NoToken("400 unauthorized_client: Client not allowed for direct access grants")
        return Token(Issued(client))

    def renew(self, realm: str) -> None:
        self.logins.append("renewed")

    def exchange(self, realm: str, requester: str, token: Token, audience: str | None) -> Issued:
        for answer in self.answers:
            raise answer
        if Exchange(requester, token.issued.access_token, audience) not in self.allowed:
            raise NO
        return Issued(requester)


def tried(
    monkeypatch: pytest.MonkeyPatch,
    prover: FakeProver,
    *exchanges: Exchange,
    opened: Reach | None = None,
    state: State | None = None,
    cases: tuple[Case, ...] = (),
) -> list[Denial]:
    monkeypatch.setattr(module, "Prover", prover)
    todo = Attempts("r", ("a", "b", "c"), cases, opened or Reach({}), cast(RealmReach, state or State()), exchanges)
    return deny(cast(Session, None), [todo], ALICE, lambda realm, client: "s")


FIRST, SECOND = Exchange("a", "b", None), Exchange("a", "b", "c")


def test_refused_implied_and_undeclared(monkeypatch: pytest.MonkeyPatch) -> None:
    prover = FakeProver(FIRST, SECOND)
    opened = Reach({"b": frozenset("a")}, standard=frozenset("a"))
    third = Exchange("b", "a", None)
    found = tried(monkeypatch, prover, FIRST, SECOND, third, opened=opened)
    assert [each.result for each in found] == [IMPLIED, UNDECLARED, REFUSED]
    assert [each.proved for each in found] == [True, False, True] and prover.logins == ["b", "a"]


@pytest.mark.parametrize(
    "answer",
    [
        TokenRefused(401, "unauthorized_client", "Invalid client or Invalid client credentials"),
        TokenRefused(400, "invalid_client", "Parameter client_assertion_type is missing"),
        TokenRefused(400, "invalid_client", "Client authentication with signed JWT failed: Invalid token audience"),
        TokenRefused(403, "access_denied", "Realm not enabled"),
        TokenRefused(429, "slow_down", "too many requests"),
        TokenRefused(500, "unknown_error", "For more on this error consult the server log."),
        Refusal("client 'a' in realm 'r': its secret is not known."),
    ],
)
def test_other_answers_are_no_refusal(monkeypatch: pytest.MonkeyPatch, answer: Exception) -> None:
    (found,) = tried(monkeypatch, FakeProver(answers=(answer,)), FIRST)
    assert (found.result, found.why, found.proved) == (NOT_TRIED, (str(answer),), False)


def test_a_token_that_grew_old_is_fetched_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    prover = FakeProver(FIRST, answers=(STALE,))
    (found,) = tried(monkeypatch, prover, FIRST)
    assert found.result == UNDECLARED and prover.logins == ["b", "renewed", "b"]
    (found,) = tried(monkeypatch, FakeProver(answers=(STALE, STALE)), FIRST)
    assert (found.result, found.why) == (NOT_TRIED, (str(STALE),))


def test_where_there_is_no_token_the_state_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tried(monkeypatch, FakeProver(tokens="a"), FIRST, SECOND, state=State(SECOND))
    assert [each.result for each in found] == [NOT_TRIED, UNDECLARED]
    assert "Client not allowed for direct access grants" in found[0].why[0]
    assert found[1].why[0] == "computed and not tried"


def test_there_is_an_end_to_what_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "features_of", lambda session: Features(True, True, True))
    monkeypatch.setattr(module, "realm_for", lambda session, name: None)
    among: Callable[..., Any] = lambda realm, features, clients: type("AmongClients", (), {"reach": State()})  # noqa: E731
    monkeypatch.setattr(module, "reach_among_clients", among)

    def cases(number: int) -> Iterator[Case]:
        for at in range(number):
            yield Case("g", "r", "standard", "recipient", f"s{at}", "t", "t")

    few = list(cases(3))
    (todo,) = attempts(cast(Session, None), few, few, ())
    assert len(todo.exchanges) == 4 * 4 * 4 - 4 - 3  # own tokens for itself, and what is declared
    many = list(cases(13))
    with pytest.raises(Refusal, match="--deny: would try 2717 exchanges, and 2000 is the limit; name fewer grants"):
        attempts(cast(Session, None), many, many, ())
    assert attempts(cast(Session, None), many[:3], many, ())[0].clients == ("s0", "s1", "s2", "t")
