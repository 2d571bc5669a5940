"""The settings of a part that several grants share."""

from collections.abc import Iterable, Sequence

import pulumi

from grants.conditions import RequiredRole
from grants.plan import GrantPlan
from grants.spec import GrantSpec
from providers.base.resource import PartOfGrant, UsesExisting


def accepted(grants: Iterable[GrantPlan]) -> list[str] | None:
    """What client policies may change of a client, if any of the grants that write it accepts that."""
    return sorted({field for grant in grants for field in grant.spec.accept_policy_changes}) or None


def protected(grants: Iterable[GrantPlan], depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
    """Pulumi refuses to delete what a protected grant needs."""
    return PartOfGrant(protect=any(grant.spec.protect for grant in grants) or None, depends_on=depends_on)


def for_scope(grant: GrantPlan, options: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """The options of a grant's client scope: an unmanaged one that exists serves other grants, too."""
    is_unmanaged = grant.scope is not None and not grant.scope.mark
    return pulumi.ResourceOptions.merge(UsesExisting(), options) if is_unmanaged else options


def realm_roles(spec: GrantSpec) -> list[str]:
    """The roles of the realm that a grant requires."""
    return [role.role for role in spec.required_roles if not role.client]


def by_client(roles: Iterable[RequiredRole]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for role in roles:
        if role.client:
            found.setdefault(role.client, []).append(role.role)
    return found
