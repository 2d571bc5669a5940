"""Callers that keep exchanging while something else goes on, and note each refusal."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import jwt

from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.tokens import ClientCredentials, TokenEndpoint
from tests.e2e.exchanges import made_by
from tests.e2e.stack import TIMEOUT_SECONDS
from tests.support.realms import PASSWORD, TestRealm

PAUSE_SECONDS = 0.5  # more often, and the callers are most of what the server does


@dataclass
class Caller:
    """Exchanges the source's tokens until it is stopped. answered: how often by which exchange.

    login, asks: what else the request for the user's token and that for the exchange hold, such as a scope.
    renewed_after: seconds for which one token of the user serves. once: it was answered or refused.
    """

    realm: TestRealm
    source: str
    requester: str
    audience: str | None = None
    login: Mapping[str, str] = field(default_factory=dict)
    asks: Mapping[str, str] = field(default_factory=dict)
    renewed_after: float = 0
    answered: dict[str, int] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    last: str = ""
    once: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        endpoint, requester = TokenEndpoint(self.realm.session, self.realm.name), ClientCredentials(self.requester, "s")
        token, fetched = "", -self.renewed_after - 1
        while not self.stopped.wait(PAUSE_SECONDS):
            try:
                if time.monotonic() - fetched >= self.renewed_after:
                    fetched, source = time.monotonic(), ClientCredentials(self.source, "s")
                    token = endpoint.for_user(source, self.realm.user, PASSWORD, **self.login).access_token
                answer = endpoint.exchange(requester, token, audience=self.audience, **self.asks).access_token
            except KeycloakError as refused:
                self.refusals.append(
                    f"{time.strftime('%H:%M:%S')} {self.requester} by a token of {self.source}: {refused}"
                )
                self.once.set()
                continue
            self.last = made_by(jwt.decode(answer, options={"verify_signature": False}))
            self.answered[self.last] = self.answered.get(self.last, 0) + 1
            self.once.set()


@contextmanager
def calling(*callers: Caller) -> Iterator[None]:
    threads = [threading.Thread(target=caller.run, daemon=True) for caller in callers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for caller in callers:
            caller.stopped.set()
        for thread in threads:
            thread.join(TIMEOUT_SECONDS)
