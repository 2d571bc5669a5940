"""The program of late grants: the grants of a stack's config, whose clients are outputs.

It is linked as ``__main__.py`` into the stack's project.
"""

import pulumi

from components.settings import read_settings
from components.token_exchange_grant import TokenExchangeGrant

settings = read_settings()
for grant in settings.grants:
    TokenExchangeGrant(
        grant.name,
        sources={each: pulumi.Output.from_input(each) for each in grant.sources},
        target=pulumi.Output.from_input(grant.target),
        flows=["requester"],
        exchange=grant.exchange,
    )
