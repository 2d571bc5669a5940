"""A resource that follows one of another provider reads its clients anew; others cost no request more."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from providers.audience_mapper import AudienceMapperProvider
from providers.base.provider import AFTER_OTHERS, BESIDE_OTHERS
from providers.base.resource import _comes_after_others
from providers.standard_token_exchange import StandardTokenExchange, StandardTokenExchangeProvider
from tests.support.fake_server import FakeKeycloak

SWITCH = "standard.token.exchange.enabled"


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm(api={})
    return server


@pytest.mark.parametrize("after", [True, False])
def test_what_another_provider_wrote_is_seen(keycloak: FakeKeycloak, after: bool) -> None:
    provider = StandardTokenExchangeProvider().use(keycloak.connection)
    inputs = provider.check({}, {"realm": "r", "client_id": "api", "owner": "o/p/s#x"}).inputs
    made = provider.create(inputs)
    keycloak.change("api", attributes={SWITCH: "false"})
    checked = provider.check(inputs, {**inputs, **({AFTER_OTHERS: True} if after else {})})
    assert AFTER_OTHERS not in checked.inputs and not checked.failures
    assert provider.diff(made.id, made.outs, checked.inputs).changes is after


def awaited(name: str) -> pulumi.Resource:
    return (
        pulumi.ComponentResource("t:t:T", name)
        if name == "other"
        else StandardTokenExchange(name, realm="r", client_id="a")
    )


@pytest.mark.parametrize(
    ("given", "depends_on", "after"),
    [
        ({"client_id": "api"}, [], False),
        ({"client_id": "api"}, None, False),
        ({"client_id": "api"}, ["ours"], False),
        ({"client_id": "api"}, ["ours", "other"], True),
        ({"client_id": pulumi.Output.from_input}, [], True),
        ({"included_client": pulumi.Output.from_input, "client_id": "api"}, [], False),
        ({"realm": pulumi.Output.from_input, "client_id": "api"}, [], True),
    ],
)
def test_which_resources_follow_others(given: dict[str, Any], depends_on: list[str] | None, after: bool) -> None:
    class Mocks(pulumi.runtime.Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
            return args.name, dict(args.inputs)

        def call(self, args: pulumi.runtime.MockCallArgs) -> dict[Any, Any]:
            return {}

    pulumi.runtime.set_mocks(Mocks(), preview=False)

    def program() -> None:
        values = {key: value("x") if callable(value) else value for key, value in given.items()}
        listed = None if depends_on is None else [awaited(name) for name in depends_on]
        opts = pulumi.ResourceOptions(depends_on=listed)
        assert _comes_after_others(AudienceMapperProvider(), values, opts) is after

    pulumi.runtime.test(program)()


@pytest.mark.parametrize(("believed", "seen"), [(1e-9, True), (1e9, False)])
def test_beside_others_an_old_copy_is_read_anew(
    keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch, believed: float, seen: bool
) -> None:
    monkeypatch.setattr("providers.base.provider.BELIEVED_SECONDS", believed)
    keycloak.answers["/admin/realms/r"] = {"realm": "r"}
    provider = StandardTokenExchangeProvider().use(keycloak.connection)
    inputs = provider.check({}, {"realm": "r", "client_id": "api", "owner": "o/p/s#x"}).inputs
    made = provider.create(inputs)
    realm, reads = provider.realm(inputs), "^GET .*/realms/r$"
    realm.settings()
    keycloak.change("api", attributes={SWITCH: "false"})
    checked = provider.check(inputs, {**inputs, BESIDE_OTHERS: True})
    assert BESIDE_OTHERS not in checked.inputs and not checked.failures
    assert provider.diff(made.id, made.outs, checked.inputs).changes is seen
    realm.settings()
    assert len(keycloak.asked(reads)) == 1 + seen


def test_beside_others_pages_are_read_once_more_at_most(
    keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.base.provider.BELIEVED_SECONDS", 0.2)
    names = [f"client-{number}" for number in range(24)]
    for name in names:
        keycloak.add_client("r", name)
    provider = StandardTokenExchangeProvider().use(keycloak.connection)
    clients = provider.realm({"realm": "r"}).clients
    clients.expect(len(names))
    for _ in range(3):
        for name in names:
            clients.find(name)
        for known in clients._known.values():  # a slow run
            clients._known[known.uuid] = replace(known, seen_at=known.seen_at - 1)
        for name in names:
            provider.check({}, {"realm": "r", "client_id": name, BESIDE_OTHERS: True})
    lists = keycloak.asked("^GET .*/clients$")
    assert len([each for each in lists if each.query.get("max") == "100"]) == 2, lists
    named = [each.query["clientId"] for each in lists if "clientId" in each.query]
    assert sorted(named) == sorted(names * 2), "later every copy is read by itself"
