"""Which grants give a service its tokens: a chain of exchanges, from a client that users log in at. Makes no request."""

from collections.abc import Iterable

from reach.verdict import Case

Place = tuple[str, str]  # realm, client


class Chains:
    """The cases that end with a token of their requester. A client's depth is the fewest exchanges up to its token.

    Clients in a circle without tokens from outside have no depth.
    """

    def __init__(self, cases: Iterable[Case]) -> None:
        self._givers: dict[Place, list[Case]] = {}
        sources: set[Place] = set()
        for case in cases:
            if case.source != case.requester:
                self._givers.setdefault((case.realm, case.requester), []).append(case)
                sources.add((case.realm, case.source))
        self._depths = dict.fromkeys(sources - {*self._givers}, 0)
        while found := self._next():
            self._depths.update(found)

    def _next(self) -> dict[Place, int]:
        return {
            place: 1 + min(known)
            for place, givers in self._givers.items()
            if place not in self._depths
            and (known := [self._depths[at] for case in givers if (at := (case.realm, case.source)) in self._depths])
        }

    def to(self, realm: str, client: str, requester: str | None = None) -> tuple[list[Case], list[Case]]:
        """What gives a client a token that a requester can exchange: from clients of less depth, and from all others.

        :param requester: without one, the token has all possible audiences, and no scope is requested.
        """
        own = self._depths.get((realm, client), 0)
        suitable = [
            each
            for each in self._givers.get((realm, client), ())
            if (each.audience is None and (requester or not each.login_scope)) or requester in (client, each.target)
        ]
        suitable.sort(key=self._depth)
        return [each for each in suitable if self._depth(each) < own], [
            each for each in suitable if self._depth(each) >= own
        ]

    def _depth(self, case: Case) -> int:
        return self._depths.get((case.realm, case.source), len(self._givers) + 1)
