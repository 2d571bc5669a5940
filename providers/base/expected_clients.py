"""How many clients a stack will read. A plugin gets one resource at a time, but the stack's grants list all clients."""

from collections import defaultdict
from collections.abc import Callable, Mapping

from grants.listed import listed_grants


def clients_by_realm(config: Callable[[str], object]) -> Mapping[str, int]:
    """The number of distinct clients in the grants that a stack lists, by realm; none if a program has them itself.

    :param config: gives the text of a config key, or None. The program reports its faults.
    """
    named: dict[str, set[str]] = defaultdict(set)
    try:
        for grant in (each.given for each in listed_grants(config).grants):
            clients = (*grant.get("sources", ()), grant.get("target"), grant.get("requester"))
            named[str(grant.get("realm") or config("realm"))].update(filter(None, clients))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return {realm: len(clients) for realm, clients in named.items()}
