"""The package's schema says what the resources take: held against their signatures and tables."""

import importlib.metadata
import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from components.token_exchange_grant import TokenExchangeGrant
from grants.spec import NO_KEYS, GrantSpec
from kcadmin.marks.packed import REALM_GRANTS
from kcadmin.rest.given_connection import KEYS as OF_CONNECTION
from local.layout import PROJECT
from package.config import KEYS
from package.schema import GRANT_TYPE, schema, schema_text
from package.schema_types import ENUMS
from providers.base.face import GRANT, PACKAGED, inside, outside
from providers.registry import ResourceKind, kinds
from tests.support.resources import RESOURCES

SCHEMA = schema()
KINDS = list(kinds().values())


def test_every_resource_of_the_project_is_in_it_and_the_grant() -> None:
    known = {each.resource for each in RESOURCES.values()}
    assert set(kinds()) == known
    assert set(SCHEMA["resources"]) == {f"{PACKAGED}{name}" for name in known} | {GRANT, REALM_GRANTS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_resource_is_as_its_class_says(kind: ResourceKind) -> None:
    described = SCHEMA["resources"][f"{PACKAGED}{kind.name}"]
    arguments = {
        name: each
        for name, each in inspect.signature(kind.resource).parameters.items()
        if name not in ("resource_name", "opts", "connection")
    }
    assert set(described["inputProperties"]) == {outside(name) for name in arguments}
    left_out = {
        outside(name) for name, each in arguments.items() if each.default is None or "None" in str(each.annotation)
    }
    assert set(described["requiredInputs"]) == set(described["inputProperties"]) - left_out
    choices = {**kind.provider.CHOICES, "on_remove": kind.provider.ON_REMOVE}
    for name in arguments:
        given = described["inputProperties"][outside(name)]
        assert given["description"], name
        if name in choices:
            assert values_of(given) == list(choices[name])
        default = kind.provider.DEFAULTS.get(name)
        assert given.get("default") == (default if isinstance(default, str | bool | int) and default != "" else None)
    outputs = described["properties"]
    assert set(described["inputProperties"]) <= set(outputs)
    replaced = {key for key, each in outputs.items() if each.get("replaceOnChanges")}
    assert replaced == {outside(name) for name in kind.provider.REPLACE_ON}
    assert set(described["required"]) <= set(outputs)


def test_the_grant_is_as_its_class_says() -> None:
    described = SCHEMA["resources"][GRANT]
    known = set(inspect.signature(TokenExchangeGrant).parameters)
    left_out = {"name", "connection", "migration", "planned", "shared", "opts"}
    assert {inside(key) for key in described["inputProperties"]} == known - left_out
    assert all(each["description"] for each in described["inputProperties"].values())
    assert {key for key, each in described["inputProperties"].items() if not each.get("plain")} == {
        "sources",
        "target",
        "requester",
        "realm",
        "requiredRoles",
    }


def test_a_grant_of_all_of_a_realm_has_the_same_keys() -> None:
    described = SCHEMA["types"][GRANT_TYPE]
    assert {inside(key) for key in described["properties"]} == {each.name for each in fields(GrantSpec)} - {
        *("name", "realm", *NO_KEYS),
    }
    assert all(each["plain"] and each["description"] for each in described["properties"].values())
    assert set(described["required"]) == {"sources", "target"}


def test_what_it_refers_to_is_there() -> None:
    found = [each for each in references(SCHEMA) if each != "pulumi.json#/Any"]
    assert found
    assert {each.removeprefix("#/types/") for each in found} == set(SCHEMA["types"])
    assert len({name for name, _ in ENUMS.values()}) == len(ENUMS)


def test_names_survive_the_way_to_the_engine_and_back() -> None:
    fields = {
        name for kind in KINDS for name in (*kind.provider.INPUTS, *kind.provider.CONTROLS, *kind.provider.CONSTANT)
    }
    assert {name for name in fields if inside(outside(name)) != name} == set()
    assert outside("__provider") == inside("__provider") == "__provider"


def test_secrets_of_the_login_are_secret() -> None:
    secret = {key for key, each in SCHEMA["provider"]["inputProperties"].items() if each.get("secret")}
    assert secret == {"adminPassword", "clientSecret", "privateKey"}
    assert set(SCHEMA["config"]["variables"]) == set(KEYS)


def test_a_provider_takes_every_key_of_a_connection() -> None:
    """A key that it lacked would be dropped without a word, such as a login."""
    assert set(OF_CONNECTION) - {"name"} <= set(KEYS)


def test_it_is_json() -> None:
    assert json.loads(schema_text()) == SCHEMA


def test_the_plugins_folder_hides_no_module_of_others() -> None:
    """Python puts it first on its path before our code runs."""
    ours = {each.stem for each in (PROJECT / "package").glob("*.py")} - {"__init__", "__main__"}
    assert ours & set(sys.stdlib_module_names) == set()
    assert ours & set(importlib.metadata.packages_distributions()) == set()


def test_the_plugin_needs_what_the_program_needs() -> None:
    wanted = [line for line in lines("package/requirements.in") if not line.startswith("#")]
    assert wanted
    assert set(wanted) <= set(lines("requirements.txt"))
    installed, tested = ({*re.findall(r"^\S+==\S+", text, re.M)} for text in map(whole, LOCKS))
    assert len(installed) > len(wanted) and installed <= tested


LOCKS = ("package/requirements.txt", "requirements.lock")


def whole(name: str) -> str:
    return "\n".join(lines(name))


def lines(name: str) -> list[str]:
    return (PROJECT / name).read_text().splitlines()


def values_of(described: dict[str, Any]) -> list[str]:
    return [each["value"] for each in SCHEMA["types"][described["$ref"].removeprefix("#/types/")]["enum"]]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from [str(value["$ref"])] if "$ref" in value else []
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)
