"""Which grants name the same client: only they share parts, and only they can contradict one another."""

from collections import defaultdict
from collections.abc import Iterable

from grants.plan import GrantPlan


class Neighbours:
    """Grants by their clients, in the order in which they were added."""

    def __init__(self, grants: Iterable[GrantPlan] = ()) -> None:
        self._by_client: dict[tuple[str, str], dict[int, GrantPlan]] = defaultdict(dict)
        self._number = 0
        for grant in grants:
            self.add(grant)

    def add(self, grant: GrantPlan) -> None:
        for client in grant.spec.clients():
            self._by_client[client][self._number] = grant
        self._number += 1

    def at(self, realm: str, client: str) -> list[GrantPlan]:
        """The grants with a client."""
        return list(self._by_client[realm, client].values())

    def of(self, grant: GrantPlan) -> list[GrantPlan]:
        """The grants that share a client with this one."""
        found = {number: each for client in grant.spec.clients() for number, each in self._by_client[client].items()}
        return [found[number] for number in sorted(found)]
