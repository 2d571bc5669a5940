"""The parts of pulumi-keycloak that the example needs, for machines without it: the same arguments, the same requests."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import ConfigureRequest, CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from kcadmin.rest.connection import read_connection
from kcadmin.rest.session import Session, path, session_for

Text = pulumi.Input[str]


class ObjectProvider(ResourceProvider):
    """An object of the Admin REST API. ``at``: its collection below the realms. ``body``: what is sent."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        self._session: Session = session_for(read_connection(req.config.get))

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(self._session.create(_at(props), _body(props)), props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        elsewhere = ["at"] if _olds["at"] != _news["at"] else []
        return DiffResult(bool(elsewhere) or _olds["body"] != _news["body"], elsewhere, delete_before_replace=True)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        self._session.put(f"{_at(_news)}{path(_id)}", _body(_news))
        return UpdateResult(_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        self._session.delete(f"{_at(_props)}{path(_id)}")


class RolesProvider(ObjectProvider):
    """Roles of the realm that a user holds. ``body``: their names."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        self._session.post(_at(props), self._roles(props))
        return CreateResult("/".join(props["at"]), props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        self._session.delete(_at(_props), self._roles(_props))

    def _roles(self, props: dict[str, Any]) -> list[Any]:
        at = path("admin", "realms", props["at"][0], "roles")
        return [self._session.get(f"{at}{path(name)}") for name in props["body"]]


class Object(Resource, module="stand-in", name="Object"):
    """What all have in common."""

    def __init__(
        self, provider: ObjectProvider, resource_name: str, at: Sequence[Text], body: Any, opts: Any = None, **more: Any
    ) -> None:
        super().__init__(provider, resource_name, {"at": list(at), "body": body, **more}, opts)


class Realm(Object):
    realm: pulumi.Output[str]

    def __init__(self, resource_name: str, *, realm: Text, enabled: bool) -> None:
        super().__init__(ObjectProvider(), resource_name, [], {"realm": realm, "enabled": enabled}, realm=realm)


class Role(Object):
    name: pulumi.Output[str]

    def __init__(self, resource_name: str, *, realm_id: Text, name: Text) -> None:
        super().__init__(ObjectProvider(), resource_name, [realm_id, "roles"], {"name": name}, name=name)


class User(Object):
    def __init__(
        self,
        resource_name: str,
        *,
        realm_id: Text,
        username: Text,
        enabled: bool,
        email: Text,
        email_verified: bool,
        first_name: Text,
        last_name: Text,
        initial_password: Mapping[str, Any],
    ) -> None:
        names = {"firstName": first_name, "lastName": last_name, "email": email, "emailVerified": email_verified}
        body = {"username": username, "enabled": enabled, **names}
        secret = pulumi.ResourceOptions(additional_secret_outputs=["password"])
        password = pulumi.Output.secret(initial_password["value"])
        super().__init__(ObjectProvider(), resource_name, [realm_id, "users"], body, secret, password=password)


class UserRoles(Object):
    def __init__(
        self, resource_name: str, *, realm_id: Text, user_id: Text, role_ids: Sequence[Text], exhaustive: bool
    ) -> None:
        at = [realm_id, "users", user_id, "role-mappings", "realm"]
        super().__init__(RolesProvider(), resource_name, at, list(role_ids))


class Client(Object):
    client_id: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        realm_id: Text,
        client_id: Text,
        enabled: bool,
        access_type: str,
        direct_access_grants_enabled: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        body = {
            "clientId": client_id,
            "enabled": enabled,
            "publicClient": access_type == "PUBLIC",
            "directAccessGrantsEnabled": direct_access_grants_enabled,
        }
        super().__init__(ObjectProvider(), resource_name, [realm_id, "clients"], body, opts, client_id=client_id)


class openid:  # noqa: N801 (a module there)
    """As pulumi-keycloak names it."""

    Client = Client


def _at(props: Mapping[str, Any]) -> str:
    return path("admin", "realms", *props["at"])


def _body(props: Mapping[str, Any]) -> Any:
    if "password" not in props:
        return props["body"]
    return {**props["body"], "credentials": [{"type": "password", "value": props["password"]}]}
