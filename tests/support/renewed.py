"""A realm that the tests of a module use one after another, each with clients and a user of its own."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

import pytest

from kcadmin.rest.errors import KeycloakError
from tests.support.realms import CONFIDENTIAL, TestRealm, user_of

Clients = Mapping[str, Mapping[str, Any]]


class RenewedRealms:
    """Realms by server. To make and delete one takes a second of the server's time, new clients a tenth.

    A realm is given again only if its export is that of a new one. No export holds what stays: its name, its robots, and
    the empty resource server of its first management permission.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[TestRealm, Any]] = {}

    def __call__(self, url: str, admin_password: str, clients: Clients) -> TestRealm:
        """The server's realm, with these clients and the user imported."""
        assert not any(each.get("serviceAccountsEnabled") for each in clients.values()), "this import makes no accounts"
        if url in self._kept and not _is_empty_again(*self._kept[url]):
            self._kept.pop(url)[0].remove()
        if url not in self._kept:
            empty = TestRealm.make(url, admin_password, {})
            _delete(empty, "users")
            self._kept[url] = empty, TestRealm.without_permissions(empty.export())
        realm = self._kept[url][0]
        new = [{"clientId": name, **CONFIDENTIAL, **changes} for name, changes in clients.items()]
        body = {"ifResourceExists": "FAIL", "clients": new, "users": [user_of(realm.user)]}
        realm.session.post(realm.at("partialImport"), body)
        return realm

    def remove(self) -> None:
        """Deletes them."""
        for realm, _ in self._kept.values():
            realm.remove()


def renewed_realm(feature_set: str) -> Any:
    """A fixture: the module's realm on a server, with new ``frontend`` and ``api``."""

    @pytest.fixture
    def give(renewed: Any) -> TestRealm:
        return renewed(feature_set)

    return give


def _is_empty_again(realm: TestRealm, empty: Any) -> bool:
    """Deletes clients, policies and users; where that is not all, also client policies, client scopes, roles and groups."""
    _delete(realm, "clients", "clientId", {*_names(empty["clients"], "clientId"), *realm.robots})
    management = realm.client("realm-management")
    if management.get("authorizationServicesEnabled"):
        _delete(realm, f"clients/{management['id']}/authz/resource-server/policy", permission="false")
    _delete(realm, "users", max="1000")
    if realm.export_but_for_permissions() == empty:
        return True
    for kind in ("policies", "profiles"):  # a policy names profiles
        realm.session.put(realm.at("client-policies", kind), {kind: []})
    _delete(realm, "client-scopes", kept=_names(empty["clientScopes"], "name"))
    _delete(realm, "roles", kept=_names(empty["roles"]["realm"], "name"), by="roles-by-id")
    _delete(realm, "groups")
    return bool(realm.export_but_for_permissions() == empty)


def _names(listed: list[dict[str, Any]], field: str) -> set[str]:
    return {each[field] for each in listed}


def _delete(
    realm: TestRealm, at: str, name: str = "name", kept: Collection[str] = (), by: str = "", **query: str
) -> None:
    for each in realm.get(*at.split("/"), **query):
        if each.get(name) not in kept:
            with suppress(KeycloakError):  # some cannot be deleted, and the export tells of them
                realm.session.delete(realm.at(*(by or at).split("/"), each["id"]))
