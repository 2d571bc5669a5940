"""What a write changed beside what it says, and what of that is no news."""

from typing import Any

import pytest

from kcadmin.objects.claims import Claim
from kcadmin.objects.features import SWITCH_CLAIM
from kcadmin.writes.watch import differences, shown_value

BEFORE = {"consentRequired": False, "redirectUris": ["a", "b"], "attributes": {"x": "1"}}
THEIRS = Claim("another", SWITCH_CLAIM, {"fullScopeAllowed": False}, {})
ROTATED, ENDS, MADE = "client.secret.rotated", "client.secret.rotated.expiration.time", "client.secret.creation.time"
FORMER = {"attributes": {ROTATED: "s", ENDS: "99999999999"}}
ENDED = {"attributes": {ROTATED: "s", ENDS: "1"}}
OLD, NEW = {"attributes": {MADE: "1"}}, {"attributes": {MADE: "2"}}


@pytest.mark.parametrize(
    ("before", "now", "values", "accepted", "found"),
    [
        ({}, {"consentRequired": True}, {}, (), {"consentRequired": (False, True)}),
        ({}, {"consentRequired": True}, {}, ("consentRequired",), {}),
        ({}, {"consentRequired": True}, {"consentRequired": True}, (), {}),
        ({}, {"consentRequired": "false"}, {}, (), {}),
        ({}, {"redirectUris": ["b", "a"]}, {}, (), {}),
        ({}, {"redirectUris": ["a"]}, {}, (), {"redirectUris": (["a", "b"], ["a"])}),
        ({}, {"attributes": {"x": "2"}}, {}, (), {"attributes.x": ("1", "2")}),
        ({}, {"attributes": {"x": "2"}}, {}, ("x",), {}),
        ({}, {"attributes": {"x": "1", "pulumi.claim.0": "{}"}}, {}, (), {}),
        ({}, {"attributes": {"x": "1", THEIRS.key: THEIRS.text()}, "fullScopeAllowed": False}, {}, (), {}),
        ({"attributes": {THEIRS.key: THEIRS.text()}, "fullScopeAllowed": True},
         {"attributes": {THEIRS.key: THEIRS.text()}, "fullScopeAllowed": False}, {}, (), {"fullScopeAllowed": (True, False)}),
        ({}, {"attributes": {"x": "1"}, "defaultClientScopes": ["new"]}, {}, (), {}),
        (FORMER, {"attributes": {}}, {}, (), {f"attributes.{ROTATED}": ("s", None)}),
        (ENDED, {"attributes": {}}, {}, (), {}),
        (OLD, NEW, {}, (), {f"attributes.{MADE}": ("1", "2")}),
        (OLD, NEW, {}, ("secret",), {}),
    ],
)  # fmt: skip
def test_what_counts(
    before: dict[str, Any],
    now: dict[str, Any],
    values: dict[str, Any],
    accepted: tuple[str, ...],
    found: dict[str, Any],
) -> None:
    was = {**BEFORE, **before}
    assert differences(was, {**was, **now}, values, accepted) == found


@pytest.mark.parametrize("field", ["saml.signing.private.key", "client.secret.rotated", "my.Password"])
def test_a_secret_is_never_told(field: str) -> None:
    assert shown_value(f"attributes.{field}", "hidden") == "a value that is not shown"
    assert shown_value(f"attributes.{field}", "") == "nothing" and "shop" in shown_value("attributes.name", "shop")
