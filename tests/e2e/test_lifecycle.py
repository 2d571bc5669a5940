"""A grant's life, from the first preview to destroy, on a server of each exchange."""

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, exchanged, grant, neither_flow, refused
from tests.support.realms import TestRealm

PARTS = {
    "standard": [
        "{realm}/frontend/audience-api",
        "{realm}/api/audience-api",
        "{realm}/frontend/standard-exchange",
        "{realm}/api/standard-exchange",
    ],
    "legacy": [
        "{realm}/frontend/audience-api",
        "{realm}/api/audience-api",
        "{realm}/api/management-permissions",
        "{realm}/api/g-requesters",
        "{realm}/api/g-permission",
    ],
}


def test_lifecycle(exchange: str, renewed: MakeRealm, new_stack: NewStack) -> None:
    realm = renewed(exchange, frontend={}, api={}, stranger={})
    stack = new_stack(realm, exchange)
    stack.configure(grant(), exchange=exchange)
    before = realm.export()
    strangers_are_refused(realm)
    neither_flow(realm)

    previewed = stack.preview()
    assert f"g: frontend → api, {exchange}, recipient and requester" in previewed.output
    for part in PARTS[exchange]:
        assert f" {part.format(realm=realm.name)} create" in previewed.output
    assert previewed.counted() == {"create": len(PARTS[exchange]) + 2}
    assert previewed.writes == []

    assert stack.up("--skip-preview").counted() == {"created": len(PARTS[exchange]) + 2}
    both_flows(realm, exchange)
    strangers_are_refused(realm)
    outputs = stack.outputs()
    assert outputs["keycloak"] == {"url": stack.server.url, "realm": realm.name}
    assert outputs["grants"] == {"g": f"frontend → api, {exchange}, recipient and requester"}
    described = {
        "realm": realm.name,
        "sources": ["frontend"],
        "target": "api",
        "exchange": exchange,
        "clients": {"frontend": realm.uuid("frontend"), "api": realm.uuid("api")},
        "flows": [
            {"flow": "recipient", "requester": "api", "audience": None, "requestScope": None},
            {"flow": "requester", "requester": "frontend", "audience": "api", "requestScope": None},
        ],
    }
    assert {key: stack.grants()["g"][key] for key in described} == described

    up, state = realm.export(), stack.export()
    for again in (
        stack.preview("--refresh", "--expect-no-changes"),
        stack.refresh("--skip-preview", "--expect-no-changes"),
        stack.up("--skip-preview", "--expect-no-changes"),
    ):
        assert again.writes == []
    assert realm.export() == up
    assert stack.export() == state

    destroyed = stack.destroy(*(["--skip-preview"] if exchange == "standard" else []))
    as_it_was(realm, before, exchange)
    neither_flow(realm)
    assert stack.export() == {}
    if exchange == "legacy":
        assert "realm-management" in destroyed.output, "destroy names the resource server that no request can undo"


def strangers_are_refused(realm: TestRealm) -> None:
    """A client that is no source: neither does it get a token, nor does its own become one for the target."""
    refused(realm, "stranger", audience="api")
    refused(realm, "stranger", source="stranger", audience="api")
    refused(realm, "api", source="stranger")


def test_three_clients(exchange: str, renewed: MakeRealm, new_stack: NewStack) -> None:
    realm = renewed(exchange, frontend={}, orders={}, billing={})
    stack = new_stack(realm, exchange)
    stack.configure(grant(target="billing", requester="orders"), exchange=exchange)
    before = realm.export()
    refused(realm, "orders", audience="billing")

    if exchange == "standard":  # of which the first preview knows everything
        shown = stack.preview("--diff").output
        assert "[unknown]" not in shown and "output<" not in shown
        assert realm.uuid("frontend") in shown
    stack.up("--skip-preview")
    assert stack.outputs()["grants"] == {"g": f"frontend → billing, {exchange}, requester orders"}
    exchanged(realm, "orders", "billing", exchange, asks=True)
    refused(realm, "frontend", audience="billing")
    refused(realm, "billing", audience="orders")
    flows = stack.grants()["g"]["flows"]
    assert flows == [{"flow": "requester", "requester": "orders", "audience": "billing", "requestScope": None}]

    stack.destroy("--skip-preview")
    as_it_was(realm, before, exchange)
