"""Claims as data: what is written is read again; what has another form is nobody's, is told once, and costs little."""

import json
import logging
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.authz.management_permissions import KIND as MANAGEMENT
from kcadmin.authz.named_policies import RolePolicy
from kcadmin.authz.noted_strategy import STRATEGY
from kcadmin.authz.policies import ClientPolicy, TimePolicy
from kcadmin.authz.scopes_and_permissions import AuthorizationScope, ScopePermission, scope_kind
from kcadmin.marks.notes import SECONDS, fits, plain, typed
from kcadmin.marks.ownership import CLAIM_PREFIX, Writer, hash16, new_number
from kcadmin.objects.claims import Claim, Kind, adopted_kind, claim_key, claim_of, claims
from kcadmin.objects.clients import Client
from kcadmin.objects.features import REFRESH, SWITCH, SWITCH_CLAIM
from kcadmin.objects.mappers import AudienceMapper
from kcadmin.objects.recorded_events import KIND as EVENTS
from providers.authorization_services import AuthorizationServicesProvider
from providers.base.taken_back import written_by_us
from providers.full_scope_off import FullScopeOffProvider
from providers.refresh_tokens_off import RefreshTokensOffProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from providers.token_lifespan import TokenLifespanProvider
from reach.marks_in_sight import marks_on
from tests.support.engine import forget_warnings
from tests.support.examples import examples

QUICK = examples(60)
OWNER = "o/p/s"
OWNERS = st.text("ab0/#|[]:{}\"' \n\té€\U0001f511", min_size=1, max_size=20)
SWITCHED: dict[str, Any] = {SWITCH: "true", REFRESH: None}
LIMIT_SECONDS = 10.0  # of CPU


@pytest.fixture(autouse=True)
def nothing_was_told() -> None:
    forget_warnings()


def on(*texts: tuple[str, str]) -> Client:
    return Client("uuid", "api", {"attributes": dict(texts)}, realm="r")


def bearing(*held: Claim) -> Client:
    return on(*((claim.key, claim.text()) for claim in held))


def forged(kind: Kind, **fields: Any) -> Client:
    """A claim with the key that fits, and any other content."""
    return on((claim_key(OWNER, kind), json.dumps({"owner": OWNER, "kind": str(kind), "set": {}, "was": {}, **fields})))


@QUICK
@given(OWNERS, st.sampled_from(["true", "false", None]), st.sampled_from(["SAME_SESSION", "NO", None]))
def test_a_claim_is_read_as_it_was_written(owner: str, switch: str | None, refresh: str | None) -> None:
    claim = Claim(owner, SWITCH_CLAIM, SWITCHED, {SWITCH: switch, REFRESH: refresh})
    assert claims(bearing(claim), SWITCH_CLAIM) == [claim] and claim_of(bearing(claim), owner, SWITCH_CLAIM) == claim
    assert claims(bearing(claim), MANAGEMENT) == [] and claims(None, SWITCH_CLAIM) == []
    turned = Claim(owner, SWITCH_CLAIM, SWITCHED, dict(reversed(claim.was.items())))
    assert claim.text() == turned.text(), "one text for one claim"


@QUICK
@given(OWNERS, OWNERS, st.sampled_from(["a", "b"]), st.sampled_from(["a", "b"]))
def test_each_owner_and_kind_has_its_own_attribute(one: str, other: str, kind: str, another: str) -> None:
    assert (claim_key(one, Kind(kind)) == claim_key(other, another)) == ((one, kind) == (other, another))
    assert claim_key(one, kind).startswith(CLAIM_PREFIX) and len(claim_key(one, kind)) < 255


def test_the_key_is_state_format() -> None:
    assert claim_key("organization/project/stack", SWITCH_CLAIM) == "pulumi.claim.4cb7b9cef4de5b87"


def test_claims_come_in_a_fixed_order() -> None:
    three = [Claim(owner, SWITCH_CLAIM, {}, {}) for owner in "abc"]
    assert claims(bearing(*three), SWITCH_CLAIM) == claims(bearing(*reversed(three)), SWITCH_CLAIM)


UNREADABLE = [
    "",
    "no json",
    "null",
    "[]",
    '"text"',
    "1",
    "{}",
    '{"owner": "o"}',
    '{"kind": "standard-exchange"}',
    '{"kind": ["standard-exchange"]}',
    "[" * 100_000,
    '{"kind":"standard-exchange","owner":' * 20_000,
    "9" * 10_000,
    '{"kind":' + "[" * 900 + "]" * 900 + "}",
    '{"kind":"standard-exchange","owner":"o/p/s","was":{"attributes.standard.token.exchange.enabled":NaN}}',
    '{"kind":"x","owner":"o/p/s","kind":"standard-exchange"}',
    '{"kind":"standard-exchange","owner":"o/p/s","set":{},"set":{}}',
]


@pytest.mark.parametrize("text", UNREADABLE, ids=lambda text: text[:40])
def test_what_cannot_be_read_is_nobodys_claim(text: str, caplog: pytest.LogCaptureFixture) -> None:
    good, key = Claim("o", SWITCH_CLAIM, SWITCHED, {SWITCH: None}), claim_key(OWNER, SWITCH_CLAIM)
    for _ in range(3):
        assert claims(on((key, text), (good.key, good.text())), SWITCH_CLAIM) == [good]
    (told,) = caplog.messages
    assert told.startswith(f"client 'api' in realm 'r': attribute '{key}' holds no claim")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (SWITCH_CLAIM, {"set": None}),
        (SWITCH_CLAIM, {"was": None}),
        (SWITCH_CLAIM, {"was": [1]}),
        (SWITCH_CLAIM, {"set": "x"}),
        (SWITCH_CLAIM, {"owner": 5}),
        (SWITCH_CLAIM, {"owner": None}),
        (SWITCH_CLAIM, {"owner": "somebody else"}),
        (SWITCH_CLAIM, {"owner": "\ud800"}),
        (SWITCH_CLAIM, {"set": {"redirectUris": ["https://evil.example/*"]}}),
        (SWITCH_CLAIM, {"set": {SWITCH: "true", "description": "written with the robot's rights"}}),
        (SWITCH_CLAIM, {"was": {"protocolMappers": []}}),
        (SWITCH_CLAIM, {"was": {"attributes.other": "x"}}),
        (SWITCH_CLAIM, {"set": {SWITCH: "false"}}),
        (SWITCH_CLAIM, {"set": {SWITCH: True}}),
        (SWITCH_CLAIM, {"was": {SWITCH: 1}}),
        (SWITCH_CLAIM, {"was": {SWITCH: "truely"}}),
        (SWITCH_CLAIM, {"was": {REFRESH: "ANY"}}),
        (MANAGEMENT, {"was": {}}),
        (MANAGEMENT, {"was": {"enabled": 0}}),
        (MANAGEMENT, {"was": {"enabled": "false"}}),
        (STRATEGY, {"was": {"strategy": "ANY"}}),
        (STRATEGY, {"was": {}}),
        (EVENTS, {"was": {"enabled": False, "expiration": -1}}),
        (EVENTS, {"was": {"enabled": False, "expiration": 10**30}}),
        (EVENTS, {"was": {"enabled": False, "expiration": True}}),
        (EVENTS, {"was": {"enabled": False, "expiration": 0, "added": ["LOGIN"]}}),
        (EVENTS, {"was": {"enabled": False, "expiration": 0, "left": "x"}}),
        (EVENTS, {"set": {"expiration": 1.5}, "was": {"enabled": False, "expiration": 0}}),
        (FullScopeOffProvider.KIND, {"set": {"fullScopeAllowed": True}}),
        (FullScopeOffProvider.KIND, {"was": {"fullScopeAllowed": "true"}}),
        (TokenLifespanProvider.KIND, {"set": {"attributes.access.token.lifespan": "1e9"}}),
        (TokenLifespanProvider.KIND, {"set": {"attributes.access.token.lifespan": 60}}),
        (RefreshTokensOffProvider.KIND, {"set": {"attributes.use.refresh.tokens": "true"}}),
        (AuthorizationServicesProvider.KIND, {"set": {"serviceAccountsEnabled": False}}),
        (AuthorizationServicesProvider.KIND, {"was": {"account_mappers": [["x"]]}}),
        (scope_kind("s"), {"was": {"name": "x"}}),
        (adopted_kind("1", AudienceMapper), {"was": {"name": "m"}}),
        (adopted_kind("1", AuthorizationScope), {"was": {"name": None, "display_name": None, "icon_uri": None}}),
    ],
    ids=str,
)
def test_a_claim_of_another_shape_is_nobodys(
    kind: Kind, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert claims(forged(kind, **fields), kind) == []
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("key", ["pulumi.claim.0000000000000000", "pulumi.claim.", f"pulumi.claim.{hash16('x')}"])
def test_a_claim_under_a_key_that_does_not_fit_is_nobodys(key: str) -> None:
    text = Claim(OWNER, SWITCH_CLAIM, SWITCHED, {SWITCH: None}).text()
    assert claims(on((key, text)), SWITCH_CLAIM) == []


@pytest.mark.parametrize(
    "content", ["no claim", '{"owner":"x","kind":"standard-exchange","was":{},"set":{"description":"x"}}']
)
def test_ten_thousand_claims_cost_one_warning_and_little_time(content: str, caplog: pytest.LogCaptureFixture) -> None:
    client = on(*((f"{CLAIM_PREFIX}{number:016x}", content) for number in range(10_000)))
    began = time.process_time()
    assert claims(client, SWITCH_CLAIM) == []
    assert time.process_time() - began < LIMIT_SECONDS
    (told,) = caplog.messages
    assert "and 9997 more" in told and len(told) < 600 and "\n" not in told


def test_a_warning_holds_no_letter_that_a_terminal_obeys(caplog: pytest.LogCaptureFixture) -> None:
    claims(on((f"{CLAIM_PREFIX}\x1b[2K\nerror: fake", "x")), SWITCH_CLAIM)
    assert all(told.isprintable() for told in caplog.messages) and caplog.records[0].levelno == logging.WARNING


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (provider.KIND, provider.values(provider.parse({"realm": "r", "client_id": "c", **props})))
        for provider in (
            StandardTokenExchangeProvider(),
            TokenLifespanProvider(),
            RefreshTokensOffProvider(),
            FullScopeOffProvider(),
            AuthorizationServicesProvider(),
        )
        for props in ({}, {"allow_refresh": True, "seconds": 60.0})
    ],
    ids=str,
)
def test_each_provider_writes_claims_that_it_can_read(kind: Kind, values: dict[str, Any]) -> None:
    claim = Claim(OWNER, kind, values, kind.fitting(dict.fromkeys(values, "odd")))
    assert claims(bearing(claim), kind) == [claim] and set(claim.was.values()) == {None}


ROLES = {"roles": [{"role": "vip", "client": "", "required": True}], "fetch_roles": False}
OBJECTS: list[tuple[type, dict[str, Any]]] = [
    (ClientPolicy, {"name": "n", "description": "", "logic": "NEGATIVE", "clients": ["a"], "stored": ["description"]}),
    (TimePolicy, {"name": "n", "description": "", "logic": "POSITIVE", "hour": 9.0, "year": "next", "minute": None}),
    (RolePolicy, {"name": "n", "description": "", "logic": "POSITIVE", **ROLES}),
    (AuthorizationScope, {"name": "n", "display_name": None, "icon_uri": ""}),
    (
        ScopePermission,
        {"name": "n", "description": "", "scopes": ["s"], "policies": [], "resources": [], "logic": "POSITIVE"}
        | {"decision_strategy": "CONSENSUS"},
    ),
    (
        AudienceMapper,
        {"name": "n", "included_client": "b", "custom_audience": None, "access_token": True, "id_token": False}
        | {"introspection": True, "stored": [["a", "b"]]},
    ),
]


@pytest.mark.parametrize(("object_", "was"), OBJECTS, ids=lambda each: getattr(each, "__name__", ""))
def test_what_an_adopted_object_was_is_read_with_its_types(object_: type, was: dict[str, Any]) -> None:
    kind = adopted_kind("1", object_)
    (claim,) = claims(forged(kind, was=was), kind)
    assert plain(claim.was) == was and object_(**claim.was)
    for field in was:
        assert claims(forged(kind, was={**was, field: {"x": 1}}), kind) == []
    for more in ("nosuch", "id", "owner", "mark", "exchange"):
        assert claims(forged(kind, was={**was, more: "x"}), kind) == []


@pytest.mark.parametrize(
    ("hint", "value", "fit"),
    [
        (bool, True, True),
        (bool, 1, False),
        (bool, None, False),
        (int, 2.0, True),
        (int, 2.5, False),
        (int, True, False),
        (int, float("inf"), False),
        (int, float("nan"), False),
        (int, 2**53, True),
        (int, 2**53 + 1, False),
        (SECONDS, 0, True),
        (SECONDS, -1, False),
        (str, "a\nb", True),
        (str, "\udc00", False),
        (str | None, None, True),
        (int | str | None, "9", True),
        (tuple[str, ...], ["a"], True),
        (tuple[str, ...], "a", False),
        (tuple[str, str], ["a", "b", "c"], False),
        (tuple[tuple[str, str], ...], [["a", "b"]], True),
        (dict, {}, False),
    ],
    ids=str,
)
def test_types(hint: Any, value: Any, fit: bool) -> None:
    assert fits(hint, value) is fit
    if fit:
        assert plain(typed(hint, value)) == value


def test_what_hung_there_before_is_no_object_that_is_taken_back() -> None:
    """A binding of policies notes it at an owner's change; it has no mark otherwise, so it is never counted."""
    writer = Writer("o/p/s", new_number())
    held = [Claim(OWNER, kind, {}, {}, writer) for kind in (Kind("attached:policy"), SWITCH_CLAIM)]
    client = Client("u", "api", {"attributes": {each.key: each.text() for each in held}})
    marks = [*marks_on(client)]
    assert len(marks) == 2
    assert [mark.what for mark in written_by_us(marks, "o/p/s")] == ["standard-exchange of client 'api'"]
