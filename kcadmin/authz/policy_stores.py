"""The store of each type of policy."""

from collections.abc import Mapping
from typing import Any

from kcadmin.authz.named_policies import (
    AggregatePolicies,
    ClientScopePolicies,
    GroupPolicies,
    RolePolicies,
    UserPolicies,
)
from kcadmin.authz.policies import ClientPolicies, Policies, RegexPolicies, ScriptPolicies, TimePolicies
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import ResourceServer

STORES: Mapping[str, type[Policies[Any]]] = {
    each.TYPE: each
    for each in (
        AggregatePolicies,
        ClientPolicies,
        ClientScopePolicies,
        GroupPolicies,
        RegexPolicies,
        RolePolicies,
        TimePolicies,
        UserPolicies,
    )
}


def store_of(realm: Realm, server: ResourceServer, type_: str) -> Policies[Any]:
    """The store of the policies of a type."""
    kind = STORES.get(type_)
    return kind(realm, server) if kind else ScriptPolicies(realm, server, type_)
