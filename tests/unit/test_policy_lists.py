"""Lists that Keycloak exports as a text within a policy's config, and client policies that are not objects."""

from typing import Any

import pytest

from kcadmin.objects.resource_server import names_in
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.shapes import misshapen


@pytest.mark.parametrize(
    ("config", "found"), [(None, ()), ({}, ()), ({"clients": '["a","b"]'}, ("a", "b")), ({"clients": None}, ())]
)
def test_a_list_is_read(config: Any, found: tuple[str, ...]) -> None:
    assert names_in({"name": "p", "config": config}, "clients") == found


@pytest.mark.parametrize("text", ["..", "[null]", '"a"', "[[]]", "{}", "[" * 100_000, [None]])
def test_another_text_is_one_sentence(text: Any) -> None:
    with pytest.raises(KeycloakError, match=r"^policy 'p': its clients are not a JSON list; correct the policy\.$"):
        names_in({"name": "p", "config": {"clients": text}}, "clients")


@pytest.mark.parametrize("field", ["policies", "profiles", "globalProfiles"])
def test_entries_of_client_policies_are_objects(field: str) -> None:
    at = f"/admin/realms/r/client-policies/{field if field == 'policies' else 'profiles'}"
    assert misshapen("GET", at, {field: [{"name": "p"}]}) is None
    assert misshapen("GET", at, {field: ["p"]}) == f"{field} of another type"
