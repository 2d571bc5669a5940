"""What somebody changed behind our back is shown with both values, and mended."""

import re
from collections.abc import Callable

from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import both_flows, grant, neither_flow
from tests.support.realms import TestRealm

MakeRealm = Callable[..., TestRealm]
SHOWN = re.compile(r"~ enabled +: false => true")


def delete_mapper(realm: TestRealm, client: str) -> None:
    """Deletes the client's audience mappers."""
    at = realm.at("clients", realm.uuid(client), "protocol-mappers", "models")
    for mapper in realm.session.get(at):
        if mapper["protocolMapper"] == "oidc-audience-mapper":
            realm.session.delete(f"{at}/{mapper['id']}")


def test_standard_drift(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("standard")
    stack = new_stack(realm, "standard")
    stack.configure(grant())
    stack.up("--skip-preview")
    wired = realm.export()

    delete_mapper(realm, "frontend")
    realm.change("api", attributes={"standard.token.exchange.enabled": "false"})
    neither_flow(realm)
    shown = stack.preview("--refresh", "--diff")
    assert SHOWN.search(shown.output), shown.output
    assert "+ pulumi-python:dynamic/keycloak:AudienceMapper: (create)" in shown.output
    assert shown.writes == []

    mended = stack.up("--refresh", "--skip-preview")
    assert len(mended.writes) == 2, mended.writes
    both_flows(realm, "standard")
    assert realm.export() == wired


def test_legacy_drift(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("legacy")
    stack = new_stack(realm, "legacy")
    stack.configure(grant(), exchange="legacy")
    stack.up("--skip-preview")
    wired = realm.export()

    delete_mapper(realm, "frontend")
    realm.session.put_json(realm.at("clients", realm.uuid("api"), "management", "permissions"), {"enabled": False})
    neither_flow(realm)
    shown = stack.preview("--refresh", "--diff")
    assert SHOWN.search(shown.output), shown.output
    assert shown.writes == []

    stack.up("--refresh", "--skip-preview")
    both_flows(realm, "legacy")
    assert realm.export() == wired
    stack.preview("--refresh", "--expect-no-changes")
