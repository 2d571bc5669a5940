"""The grant as a component that the engine asks for."""

from typing import Any

import pulumi
from pulumi.provider import ConstructResult, Provider

from components.token_exchange_grant import TokenExchangeGrant
from kcadmin.rest.texts import shown
from package.arguments import plain_faults, typed
from providers.base.face import GRANT, inside
from providers.base.messages import program_error


class Grants(Provider):
    """The component ``TokenExchangeGrant``."""

    def construct(
        self, name: str, resource_type: str, inputs: Any, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """:raises pulumi.RunError: with all faults of the grant."""
        if resource_type != GRANT:
            raise program_error([f"resource type {shown(resource_type)}: is not of this package; correct it."])
        arguments = {inside(key): each for key, each in inputs.items()}
        if faults := list(plain_faults(name, arguments)):
            raise program_error(faults)
        grant = TokenExchangeGrant(name, **typed(arguments), opts=options)
        return ConstructResult(grant.urn, dict(grant.description))
