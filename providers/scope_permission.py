"""Scope permissions of a resource server: they tie scopes to the policies that must allow them.

https://www.keycloak.org/docs/latest/authorization_services/#_permission_create_scope
"""

from collections.abc import Iterator

import pulumi

from kcadmin.authz.scopes_and_permissions import ScopePermission as Permission
from kcadmin.authz.scopes_and_permissions import ScopePermissions
from kcadmin.objects.realm import Realm
from providers.base.connections import Server
from providers.base.held import writer
from providers.base.owned import OwnedObjectProvider
from providers.base.provider import Props
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.resource_server import description_faults, require_services
from providers.base.uuids import is_known


class ScopePermissionProvider(OwnedObjectProvider[Permission]):
    """Create, read, update and delete of a scope permission."""

    OBJECT = "scope permission"
    INPUTS = (
        "realm",
        "resource_server",
        "resource_server_uuid",
        "name",
        "description",
        "scopes",
        "policies",
        "resources",
        "logic",
        "decision_strategy",
    )
    DEFAULTS = {
        "description": "",
        "policies": (),
        "resources": (),
        "logic": "POSITIVE",
        "decision_strategy": "UNANIMOUS",
    }
    SETS = ("scopes", "policies", "resources")
    REPLACE_ON = ("realm", "resource_server_uuid")
    CHOICES = {"logic": ("POSITIVE", "NEGATIVE"), "decision_strategy": ("UNANIMOUS", "AFFIRMATIVE", "CONSENSUS")}
    CLIENTS = {"resource_server": "resource_server_uuid"}

    def refusals(self, props: Props) -> Iterator[str]:
        if is_known(props.get("scopes")) and not props.get("scopes"):
            yield "scopes is empty; name at least one scope"
        yield from description_faults(props)

    def store(self, realm: Realm, props: Props) -> ScopePermissions:
        spelled = frozenset((*(props.get("policies") or ()), *(props.get("resources") or ())))
        return ScopePermissions(realm.resource_server(props["resource_server_uuid"]), spelled)

    def wanted(self, props: Props) -> Permission:
        scopes, policies, resources = (tuple(sorted(props.get(field) or ())) for field in self.SETS)
        return Permission(
            props["name"],
            props["description"],
            scopes,
            policies,
            resources,
            props["logic"],
            props["decision_strategy"],
            props["owner"],
            writer=writer(props),
        )

    def before_create(self, realm: Realm, props: Props) -> None:
        require_services(realm, props)

    def shown(self, found: Permission, props: Props) -> Props:
        lists = {field: list(getattr(found, field)) for field in self.SETS}
        return {**super().shown(found, props), **lists}


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
