"""Clients of another provider and the grants between them in one ``pulumi up``."""

import json
import os
import re
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from kcadmin.objects.bulk_reading import FEW
from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.access_log import Request
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, exchanged, refused
from tests.e2e.stack import Stack
from tests.e2e.test_beside_others import exchanging

FIXTURES = PROJECT / "tests" / "fixtures"
GRANT = {"sources": ["shop"], "target": "orders", "flows": ["requester", "recipient"]}


def program(stack: Stack) -> Stack:
    main = stack.project / "__main__.py"
    main.unlink()
    main.symlink_to(FIXTURES / "late" / "__main__.py")
    (stack.project / "their_client.py").symlink_to(FIXTURES / "beside" / "their_client.py")
    return stack


def shaped(stack: Stack, **shape: Any) -> Stack:
    stack.configure(shape=json.dumps(shape))
    return stack


@pytest.mark.standard_exchange
def test_one_up_from_an_empty_realm(renewed: MakeRealm, new_stack: NewStack, exchange: str) -> None:
    realm = renewed(exchange)
    before = realm.export()
    stack = program(new_stack(realm, exchange))
    stack.configure(exchange=exchange)
    if exchange == "standard":
        refuses_before_anything_is_there(stack)
    gated = {"sources": ["shop"], "target": "bills", "flows": ["requester"], "role": True}
    shaped(stack, clients=["shop", "orders", "bills"], role="clerk", grants={"g": GRANT, "gated": gated})
    told = stack.preview().output
    assert f"g: shop → orders, {exchange}" in told and f"gated: shop → bills, {exchange}, requester" in told, told
    assert "'orders' and 'shop' do not exist yet" in told and "'clerk' does not exist yet as a role" in told, told
    done = stack.up("--skip-preview")
    both_flows(realm, exchange, source="shop", target="orders")
    refused(realm, "shop", source="shop", audience="bills")
    realm.give_role("clerk", realm.user)
    exchanged(realm, "shop", "bills", exchange, source="shop", asks=True)
    scopes = {each["name"] for each in realm.get("client-scopes")}
    stack.configure(owner="tests/another")  # what the stack made under its former owner is not in its way
    with exchanging(realm, "shop", "shop", source="shop", target="bills"):
        changed = stack.up("--skip-preview")
    assert set(changed.counted()) <= {"unchanged", "updated"}, changed.output
    assert {each["name"] for each in realm.get("client-scopes")} == scopes, "callers ask for these"
    assert stack.up("--skip-preview", "--refresh").counted() == {"unchanged": done.counted()["created"]}
    assert stack.outputs()["g"]["clients"] == {name: realm.uuid(name) for name in ("orders", "shop")}
    assert ("may also turn the tokens that they may exchange" in done.output) == (exchange == "standard"), done.output
    shaped(stack, clients=["shop", "orders", "bills"], role="clerk").up("--skip-preview")
    assert "pulumi." not in json.dumps(realm.export())
    stack.destroy("--skip-preview")
    as_it_was(realm, before, exchange)


def refuses_before_anything_is_there(stack: Stack) -> None:
    """The program itself says it, live and at the end."""
    typo = {"sources": ["shop"], "target": "oders"}
    told = shaped(stack, grants={"g": typo}).refused("preview").output
    assert f"grant 'g' in realm '{stack.realm}': client 'oders' does not exist; create it, or correct the name" in told
    assert told.count("does not exist") == 2 and "GrantCheck" not in told, told
    other = {**GRANT, "on_remove": "revoke"}
    told = shaped(stack, grants={"g": GRANT, "h": other}).refused("preview").output
    assert "wants onRemove revoke for client 'orders', grant 'g' wants restore; agree on one." in told, told


@pytest.mark.standard_exchange
def test_grants_share_clients_and_change_how_they_name_them(renewed: MakeRealm, new_stack: NewStack) -> None:
    """Two late grants, then a planned and a late one, of the same clients; removing one leaves the other working."""
    realm = renewed("standard")
    stack = program(new_stack(realm, "standard"))
    first = {"a": GRANT, "b": {**GRANT, "given": "resources"}, "w": {**GRANT, "given": "waits"}}
    shaped(stack, grants=first).up("--skip-preview")
    clients = {name: realm.client(name) for name in ("shop", "orders")}
    with exchanging(realm, "orders", "shop", source="shop", target="orders"):
        for shape in (
            {"b": GRANT},
            {"b": GRANT, "c": {**GRANT, "given": "texts"}},
            {"c": {**GRANT, "given": "waits"}},
            {"c": {**GRANT, "given": "texts"}},
            {"c": {**GRANT, "given": "resources"}},
        ):
            shaped(stack, grants=shape).up("--skip-preview")
            if len(shape) == 2 or shape.get("c", {}).get("given") == "waits":  # alone by text or resource: below
                stack.preview("--expect-no-changes")
    shaped(stack).up("--skip-preview")
    left = {name: realm.client(name) for name in ("shop", "orders")}
    for name, client in left.items():
        assert not client.get("protocolMappers") and "pulumi." not in json.dumps(client), client
        assert client["attributes"]["standard.token.exchange.enabled"] == "false", client
        assert client["id"] == clients[name]["id"]


@pytest.mark.standard_exchange
def test_a_client_that_is_replaced_or_renamed(renewed: MakeRealm, new_stack: NewStack) -> None:
    realm = renewed("standard")
    stack = program(new_stack(realm, "standard"))
    grants = {"o": GRANT, "r": {**GRANT, "given": "resources"}}
    for change in ({}, {"generation": "2"}, {"text": "other", "generation": "2"}):
        shaped(stack, grants=grants, **change)
        done = stack.up(*([] if change == {"generation": "2"} else ["--skip-preview"]))
        both_flows(realm, "standard", source="shop", target="orders")
        if change == {"generation": "2"}:
            stack.preview("--expect-no-changes")
            preview = done.output.partition(" Updating (test)")[0]
            assert "r/source-1/standard-exchange replace" in preview, done.output
    shaped(stack, grants=grants, generation="2", text="other", rename={"shop": "store", "orders": "sales"})
    told = stack.up().output
    both_flows(realm, "standard", source="store", target="sales")
    assert "o: store → sales, standard" in told, told
    stack.preview("--expect-no-changes")
    stack.destroy("--skip-preview")
    assert not realm.get("clients", clientId="store")


@pytest.mark.standard_exchange
def test_beside_clients_whose_resources_know_the_switch(renewed: MakeRealm, new_stack: NewStack) -> None:
    """They write the switch at each change, as pulumi-keycloak does: on, off and not looked at again, or off.

    Each ``up`` ends in an exchange, and quiet.
    """
    realm = renewed("standard")
    stack = program(new_stack(realm, "standard"))
    kinds = {"theirs": ("true", False, False), "ignored": ("false", True, True), "ours": ("false", False, True)}
    pairs = {kind: (f"{kind}-shop", f"{kind}-orders") for kind in kinds}
    own = {name: dict(zip(("switch", "ignored"), kinds[kind], strict=False)) for kind in kinds for name in pairs[kind]}
    grants = {
        kind: {
            **GRANT,
            "sources": [pairs[kind][0]],
            "target": pairs[kind][1],
            "given": "resources",
            "manage_switch": manages,
        }
        for kind, (_, _, manages) in kinds.items()
    }

    def all_work() -> None:
        for source, target in pairs.values():
            both_flows(realm, "standard", source=source, target=target)

    for text in ("first", "second"):
        shaped(stack, clients=list(own), own=own, grants=grants, text=text).up("--skip-preview")
        all_work()
    stack.preview("--expect-no-changes")
    mended = stack.up(
        "--skip-preview", "--refresh"
    )  # to its provider our switch is drift, which it mends, and then we do
    changed = {name for name in own if re.search(rf"theirs:Client {name} (update|updating|updated)\b", mended.output)}
    assert changed == {*pairs["ours"]}, mended.output
    all_work()
    stack.preview("--expect-no-changes")
    stack.destroy("--skip-preview")
    assert not realm.get("clients", clientId="ours-shop")


@pytest.mark.standard_exchange
def test_a_switch_that_its_owner_leaves_off(renewed: MakeRealm, new_stack: NewStack) -> None:
    """Refused before anything of the grant is written, with the line to add; with that line the same ``up`` turns it on."""
    realm = renewed("standard")
    stack = program(new_stack(realm, "standard"))
    grants = {"g": {**GRANT, "given": "resources", "manage_switch": False}}
    told = shaped(stack, grants=grants, switch="false").refused("up", "--yes", "--skip-preview").output
    assert "standard_token_exchange_enabled = true in Terraform and Pulumi" in told, told
    assert not any(realm.client(name).get("protocolMappers") for name in ("shop", "orders"))
    told = shaped(stack, grants=grants, switch="true").preview().output
    assert "as it is now, grant 'g'" in told and "`pulumi up` refuses the grant unless it changes that first" in told, (
        told
    )
    stack.up("--skip-preview")
    both_flows(realm, "standard", source="shop", target="orders")
    stack.preview("--expect-no-changes")


@pytest.mark.standard_exchange
def test_names_that_no_preview_knows_and_names_of_another_stack(renewed: MakeRealm, new_stack: NewStack) -> None:
    realm = renewed("standard")
    clients = program(new_stack(realm, "standard", "clients"))
    told = shaped(clients, role="x", suffix=True, grants={"g": {**GRANT, "role": True}}).preview().output
    assert "g: <source-1> → <target>, standard" in told, told
    assert "the names of '<source-1>' and '<target>' are not known yet" in told, told
    clients.up("--skip-preview")
    clients.preview("--expect-no-changes")
    realm.give_role("x", realm.user)
    both_flows(realm, "standard", source="shop-x", target="orders-x")
    shaped(clients, role="x", suffix=True).up("--skip-preview")

    grants = program(new_stack(realm, "standard", "grants"))
    grants.env["PULUMI_BACKEND_URL"] = clients.environment()["PULUMI_BACKEND_URL"]
    grants.run("stack", "init", "grants")
    shaped(grants, clients=[], grants={"g": GRANT}, reference="organization/keycloak-token-exchange/clients")
    told = grants.up().output
    assert "g: shop-x → orders-x, standard" in told.partition(" Updating (")[0], told
    both_flows(realm, "standard", source="shop-x", target="orders-x")
    grants.preview("--expect-no-changes")


REAL = "pulumi-keycloak"
SKIPPED = (
    "pulumi-keycloak is not here: install its Python package beside Pulumi's, and its plugin by `pulumi plugin install resource "
    "keycloak`, or put pulumi-resource-keycloak on the PATH"
)


def real_plugin() -> Path | None:
    """The folder of pulumi-keycloak's plugin, on the PATH or where `pulumi plugin install` puts it; None without its package."""
    if find_spec("pulumi_keycloak") is None:
        return None
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    found = [
        shutil.which("pulumi-resource-keycloak"),
        *sorted(home.glob("plugins/resource-keycloak-v*/pulumi-resource-*")),
    ]
    return next((Path(each).parent for each in found if each), None)


@pytest.mark.standard_exchange
@pytest.mark.parametrize("provider", ["stand-in", REAL])
def test_the_example(make_realm: MakeRealm, new_stack: NewStack, provider: str) -> None:
    """From no realm at all to a proved grant and back. The stand-in makes the requests that pulumi-keycloak makes."""
    plugin = real_plugin()
    if (provider == REAL) != (plugin is not None):
        pytest.skip(SKIPPED if provider == REAL else "pulumi-keycloak is here, and takes the stand-in's place")
    realm = make_realm("standard")
    stack = new_stack(realm, "standard")
    made = f"{realm.name}-made"
    stack.configure(realm=made, owner="example")
    if plugin:
        stack.env["PATH"] = os.pathsep.join([str(plugin), stack.environment()["PATH"]])
        login = {"url": realm.url, "clientId": "admin-cli", "username": "admin", "clientTimeout": "90"}
        for key, text in login.items():
            stack.run("config", "set", f"keycloak:{key}", text)
        stack.run("config", "set", "--secret", "keycloak:password", realm.admin_password)
    (stack.project / "__main__.py").unlink()
    (stack.project / "__main__.py").symlink_to(PROJECT / "examples" / "with_clients" / "__main__.py")
    stack.run("config", "set", "--secret", "userPassword", "a-user-password")
    stack.env |= {"KEYCLOAK_USER": "ursula", "KEYCLOAK_USER_PASS": "a-user-password"}
    told = stack.preview().output
    assert "shop-to-orders: shop → orders, standard, requester" in told and "the realm does not exist yet" in told, told
    stack.up("--skip-preview")
    (proof,) = [each for each in stack.export().values() if each["type"].endswith("ExchangeProof")]
    assert proof["outputs"]["proved"] is True and proof["outputs"]["proved_aud"] == ["orders"], proof
    assert "a-user-password" not in stack.state_file.read_text()
    stack.preview("--expect-no-changes")
    stack.destroy("--skip-preview")
    assert made not in [each["realm"] for each in realm.session.get("/admin/realms")]


PAIRS = 6
ONCE = 3  # of a process: its login, the issuer, the realm's own management client


@pytest.mark.standard_exchange
def different(requests: Sequence[Request]) -> int:
    return len({str(each) for each in requests})


def test_requests(make_realm: MakeRealm, new_stack: NewStack) -> None:
    """A late grant asks at most two requests more than a planned one, besides what its process asks once."""
    names = [f"{kind}-{number}" for kind in ("web", "api") for number in range(PAIRS)]
    pairs = {f"g{number}": (f"web-{number}", f"api-{number}") for number in range(PAIRS)}
    asked = {}
    for given in ("texts", "outputs"):
        realm = make_realm("standard", **({name: {} for name in names} if given == "texts" else {}))
        stack = program(new_stack(realm, "standard", given))
        grants = {
            name: {"sources": [source], "target": target, "flows": ["requester", "recipient"], "given": given}
            for name, (source, target) in pairs.items()
        }
        shaped(stack, clients=names if given == "outputs" else [], grants=grants)
        runs = {
            "preview": stack.preview(),
            "up": stack.up("--skip-preview"),
            "quiet": stack.preview("--expect-no-changes"),
        }
        runs["destroy"] = stack.destroy("--skip-preview")
        asked[given] = {name: run.requests for name, run in runs.items()}
    for count, again in ((len, PAIRS), (different, 0)):  # a slow machine reads again what it believes for a second
        more = {name: count(asked["outputs"][name]) - count(asked["texts"][name]) for name in asked["texts"]}
        assert all(each <= 2 * PAIRS + ONCE + again for each in more.values()), more
    quiet = [str(each) for each in asked["outputs"]["quiet"]]
    one_by_one = [each for each in quiet if "clients?clientId=" in each]
    assert len(one_by_one) < FEW, quiet  # nobody writes in a preview, so it believes the page that it read
    assert sum(request.is_write for request in asked["outputs"]["up"]) == 4 * PAIRS
    looked_for = [str(each) for each in asked["outputs"]["preview"] if "clients?clientId=" in str(each)]
    once = [name for name in names if sum(f"clientId={name} " in each for each in looked_for) == 1]
    assert once == names, looked_for
