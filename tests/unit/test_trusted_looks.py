"""Looks that others may have a hand in: a mark alone keeps no client scope, and words alone make nothing gone."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from components.own_parts import _is_made_for
from grants.spec import GrantSpec, RequiredRole, checked_grant
from kcadmin.objects.audience_scopes import AudienceScope
from kcadmin.rest.absence import is_gone
from kcadmin.rest.answers import Answer

CLIENT = "/admin/realms/r/clients/aaad0f8f-62cf-48cd-bfca-74488e302229"
SERVICES = f"{CLIENT}/authz/resource-server"


def spec() -> GrantSpec:
    given = {"name": "g", "sources": ("web",), "target": "api", "realm": "r", "owner": "o", "exchange": "standard"}
    made, faults = checked_grant({**given, "required_roles": (RequiredRole("vip", ""),)})
    assert made, faults
    return made


def test_a_mark_alone_keeps_no_client_scope() -> None:
    own = AudienceScope("n", "", "api", (("", "vip"),), False, owner=spec().grant_owner)
    assert _is_made_for(own, spec())
    for other in (replace(own, owner="o#h"), replace(own, included_client="b"), replace(own, roles=())):
        assert not _is_made_for(other, spec())


def answer(at: str, status: int, body: Mapping[str, Any]) -> Answer:
    return Answer("https://kc", "GET", at, status, {"Content-Type": "application/json"}, json.dumps(body).encode(), str)


@pytest.mark.parametrize(
    ("at", "status", "body", "gone"),
    [
        (f"{SERVICES}/settings", 400, {"error": "invalid_request", "error_description": "Request not allowed"}, True),
        (f"{SERVICES}/policy/{CLIENT[-36:]}", 400, {"error": "invalid_request"}, False),
        (f"{SERVICES}/settings", 400, {"error": "something else"}, False),
        (f"{SERVICES}/settings", 403, {"error": "HTTP 403 Forbidden"}, False),
    ],
)
def test_a_client_that_a_client_policy_hides(at: str, status: int, body: dict[str, str], gone: bool) -> None:
    first = answer(at, 404, {"error": "HTTP 404 Not Found"})

    def ask(path: str, query: Mapping[str, str]) -> Answer:
        return (
            answer(path, 404, {"error": "HTTP 404 Not Found"})
            if "resource-server" in path
            else answer(path, status, body)
        )

    assert is_gone(first, ask) is gone
