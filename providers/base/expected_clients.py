"""How many clients a stack will look at: a plugin is asked for one resource at a time, but its stack's config names them all."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping


def clients_by_realm(config: Callable[[str], object]) -> Mapping[str, int]:
    """The number of distinct clients in the config's grants, by realm; none where a program holds the grants itself.

    :param config: gives the text of a config key, or None. What is wrong with it, the program says.
    """
    named: dict[str, set[str]] = defaultdict(set)
    try:
        grants = json.loads(str(config("grants") or "[]"))
        for grant in grants:
            clients = (*grant.get("sources", ()), grant.get("target"), grant.get("requester"))
            named[str(grant.get("realm") or config("realm"))].update(filter(None, clients))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return {realm: len(clients) for realm, clients in named.items()}
