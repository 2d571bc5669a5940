"""Scope permissions of a resource server: they tie scopes to the policies that must allow them.

https://www.keycloak.org/docs/latest/authorization_services/#_permission_create_scope
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from kcadmin.authz.scopes_and_permissions import ScopePermission as Permission
from kcadmin.authz.scopes_and_permissions import ScopePermissions
from kcadmin.objects.realm import Realm
from providers.base.connections import Server
from providers.base.owned import OwnedObjectProvider
from providers.base.props import ResourceServerProps, made_of
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.resource_server import description_faults, require_services


@dataclass(frozen=True, kw_only=True)
class ScopePermissionProps(ResourceServerProps):
    description: str = ""
    scopes: tuple[str, ...]
    policies: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    logic: str = "POSITIVE"
    decision_strategy: str = "UNANIMOUS"


class ScopePermissionProvider(OwnedObjectProvider[Permission]):
    """Create, read, update and delete of a scope permission."""

    OBJECT = "scope permission"
    PROPS = ScopePermissionProps
    REPLACE_ON = ("realm", "resource_server_uuid")
    CHOICES = {"logic": ("POSITIVE", "NEGATIVE"), "decision_strategy": ("UNANIMOUS", "AFFIRMATIVE", "CONSENSUS")}

    def refusals(self, props: ScopePermissionProps) -> Iterator[str]:
        if not props.scopes:
            yield "scopes is empty; name at least one scope"
        yield from description_faults(props.description)

    def store(self, realm: Realm, props: ScopePermissionProps) -> ScopePermissions:
        spelled = frozenset((*props.policies, *props.resources))
        return ScopePermissions(realm.resource_server(props.resource_server_uuid), spelled)

    def wanted(self, props: ScopePermissionProps) -> Permission:
        return made_of(Permission, props)

    def before_create(self, realm: Realm, props: ScopePermissionProps) -> None:
        require_services(realm, props)


class ScopePermission(KeycloakResource, module="keycloak", name="ScopePermission"):
    """A scope permission on a resource server.

    :param resource_server: the client id of the resource server.
    :param name: unique among the policies and permissions of the resource server; changes in place.
    :param scopes: names. policies, resources: ids or names.
    :param logic: ``POSITIVE`` or ``NEGATIVE``. decision_strategy: ``UNANIMOUS``, ``AFFIRMATIVE`` or ``CONSENSUS``.
    :param adopt: take over a permission of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        resource_server: Text,
        name: Text,
        scopes: Texts,
        policies: Texts | None = None,
        resources: Texts | None = None,
        description: Text | None = None,
        logic: Text | None = None,
        decision_strategy: Text | None = None,
        resource_server_uuid: Text | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(ScopePermissionProvider(), resource_name, locals(), opts)
