"""The components that the engine asks for: a grant, and all grants of a realm."""

from typing import Any

import pulumi
from pulumi.provider import ConstructResult, Provider

from components.realm_grants import GrantsOfRealm
from components.token_exchange_grant import TokenExchangeGrant
from kcadmin.marks.packed import COMPONENTS, REALM_GRANTS
from kcadmin.rest.texts import shown
from package.arguments import faults_of_all, plain_faults, typed
from providers.base.face import inside
from providers.base.messages import program_error


class Grants(Provider):
    """The component ``TokenExchangeGrant``."""

    def construct(
        self, name: str, resource_type: str, inputs: Any, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """:raises pulumi.RunError: with all faults of the grant."""
        if resource_type not in COMPONENTS:
            raise program_error([f"resource type {shown(resource_type)}: is not of this package; correct it."])
        arguments = {inside(key): each for key, each in inputs.items()}
        of_all = resource_type == REALM_GRANTS
        if faults := list(faults_of_all(name, arguments) if of_all else plain_faults(name, arguments)):
            raise program_error(faults)
        if of_all:
            realm = GrantsOfRealm(name, **typed(arguments), opts=options)
            return ConstructResult(realm.urn, realm.outputs)
        grant = TokenExchangeGrant(name, **typed(arguments), opts=options)
        return ConstructResult(grant.urn, dict(grant.description))
