"""Names that no grant can have. Whoever may register a client may choose one, and else the whole config would be refused."""

from exchange.inventory.exchanges import ExistingExchange
from kcadmin.rest.texts import named, unfit


def refused_name(exchange: ExistingExchange) -> str | None:
    """Why a grant for an exchange would be refused for one of its names."""
    roles = [name for role in exchange.naming.roles for name in role]
    names = (exchange.source, exchange.requester, exchange.target, *roles)
    return next((f"{named(name)} {wrong}, so no grant names it" for name in names if (wrong := unfit(name))), None)
