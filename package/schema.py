"""The package's schema, made from the resources' signatures, tables and docstrings: it is not kept in a file."""

import functools
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import yaml  # type: ignore[import-untyped]

from components.realm_grants import OF_ALL, GrantsOfRealm
from components.token_exchange_grant import TokenExchangeGrant
from kcadmin.marks.packed import OBJECT, REALM_GRANTS
from kcadmin.rest.config_secrets import SECRETS
from package.arguments import LATE, grant_fields
from package.config import FLAGS, KEYS, ORGANIZATION
from package.docstrings import described, summary
from package.fields import known_fields
from package.schema_types import ANY, ENUMS, enum_type, may_be_left_out, schema_type
from package.texts import COMMON, GRANT_OUTPUTS, example
from providers.base.face import GRANT, PACKAGE, PACKAGED, outside
from providers.registry import ResourceKind, kinds

Json = dict[str, Any]
PROJECT = Path(__file__).resolve().parent.parent
VERSION = re.findall(r'^version = "(.+)"$', (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)[0]
NOT_SHOWN, GRANT_TYPE = ("connection",), f"{PACKAGED}Grant"
ORGANIZATION_TEXT = (
    "The stack's organization. Only resources outside of grants need it, and only on a backend that has some."
)


@functools.cache
def schema_text() -> str:
    """The schema as JSON text, as Pulumi reads it."""
    return json.dumps(schema(), ensure_ascii=False)


def schema() -> Json:
    """https://www.pulumi.com/docs/iac/using-pulumi/pulumi-packages/schema/"""
    resources = {f"{PACKAGED}{name}": _resource(kind) for name, kind in kinds().items()}
    resources[GRANT], resources[REALM_GRANTS] = _grant(), _realm_grants()
    config = {key: _config_key(key, text) for key, text in _texts().items()}
    return {
        "name": PACKAGE,
        "version": VERSION,
        "displayName": "Keycloak token exchange",
        "description": "Keycloak token exchange (RFC 8693) as managed infrastructure.",
        "keywords": ["pulumi", "keycloak", "token-exchange", "category/infrastructure"],
        "license": "Apache-2.0",
        "meta": {"supportPack": True},
        "config": {"variables": config},
        "provider": {
            "description": "A Keycloak server and a login.",
            "inputProperties": config,
            "properties": {key: each for key, each in config.items() if key not in FLAGS},
        },
        "types": {
            f"{PACKAGED}{name}": {"type": "string", "description": text, "enum": [{"value": each} for each in values]}
            for values, (name, text) in ENUMS.items()
        }
        | {GRANT_TYPE: _grant_of_realm()},
        "resources": dict(sorted(resources.items())),
        "language": {
            "nodejs": {"respectSchemaVersion": True},
            "python": {"respectSchemaVersion": True, "pyproject": {"enabled": True}},
            "go": {
                "respectSchemaVersion": True,
                "generateResourceContainerTypes": True,
                "generateExtraInputTypes": True,
            },
            "csharp": {"respectSchemaVersion": True},
        },
    }


def _texts() -> dict[str, str]:
    """The descriptions of the keys of a stack's config, which mean the same in the package."""
    declared = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
    return {**{key: declared[key]["description"] for key in KEYS if key in declared}, ORGANIZATION: ORGANIZATION_TEXT}


def _config_key(key: str, text: str) -> Json:
    return {
        "type": "boolean" if key in FLAGS else "string",
        "description": text,
        **({"secret": True} if key in SECRETS else {}),
    }


def _resource(kind: ResourceKind) -> Json:
    provider, fields = kind.provider, known_fields(kind)
    texts = {**COMMON, **described(kind.resource, fields)}
    choices = {**provider.CHOICES, "on_remove": provider.ON_REMOVE}
    inputs, needed = {}, []
    for name, each in fields.items():
        inputs[outside(name)] = {
            **(enum_type(choices[name]) if name in choices else schema_type(each.annotation)),
            **_described(texts, name),
            **_default(provider.DEFAULTS.get(name)),
        }
        if each.default is each.empty and not may_be_left_out(each.annotation):
            needed.append(name)
    outputs: Json = {}
    for name, hint in _outputs(kind):
        outputs[outside(name)] = {**schema_type(hint), **_described(texts, name)}
    for name, told in inputs.items():
        outputs[name] = {key: value for key, value in told.items() if key != "default"}
    for name in provider.REPLACE_ON:
        if outside(name) in outputs:
            outputs[outside(name)]["replaceOnChanges"] = True
    always = {*needed, *provider.DEFAULTS, "owner", "number", *(_uuids(kind))} - {*provider.FREE_WHEN_UNSET}
    return {
        "description": summary(kind.resource, fields) + example(kind.name),
        "inputProperties": inputs,
        "requiredInputs": sorted(map(outside, needed)),
        "properties": outputs,
        "required": sorted({outside(name) for name in always} & {*outputs}),
        "aliases": [{"type": f"{OBJECT}{kind.name}"}],
    }


def _grant() -> Json:
    fields = grant_fields()
    texts = {**COMMON, **described(TokenExchangeGrant, fields)}
    inputs = {}
    for name, each in fields.items():
        enum = next((key for key in ENUMS if ENUMS[key][0] == _ENUM_OF.get(name)), None)
        kind = enum_type(enum) if enum else schema_type(each.annotation)
        inputs[outside(name)] = {
            **({"type": "array", "items": kind} if enum and name == "flows" else kind),
            **({} if name in LATE else {"plain": True}),
            **_described(texts, name),
            **_default(None if each.default in ((), "") else each.default),
        }
    return {
        "isComponent": True,
        "description": summary(TokenExchangeGrant, fields) + example("TokenExchangeGrant"),
        "inputProperties": inputs,
        "requiredInputs": ["sources", "target"],
        "properties": GRANT_OUTPUTS,
        "required": ["clients", "exchange", "flows", "realm", "sources", "target"],
    }


def _realm_grants() -> Json:
    each = {"type": "object", "additionalProperties": {"$ref": f"#/types/{GRANT_TYPE}", "plain": True}, "plain": True}
    inputs = {
        "grants": {**each, "description": "The grants by their names."},
        "realm": {"type": "string", "plain": True, "description": COMMON["realm"] + " Default: the provider's."},
    }
    return {
        "isComponent": True,
        "description": summary(GrantsOfRealm, {}),
        "inputProperties": inputs,
        "requiredInputs": ["grants"],
        "properties": {
            "grants": {
                "type": "object",
                "additionalProperties": dict(ANY),
                "description": "What each came to, by its name.",
            },
            "realm": {"type": "string", "description": COMMON["realm"]},
        },
        "required": ["grants", "realm"],
    }


def _grant_of_realm() -> Json:
    """The same keys as plain values. Its realm is that of all."""
    whole = _grant()
    given = {**whole["inputProperties"], **{key: GRANT_OUTPUTS[key] for key in whole["requiredInputs"]}}
    fields = {key: {**each, "plain": True} for key, each in given.items() if key not in OF_ALL}
    phase = "`mappers` or `both`, on the way from the legacy to the standard exchange."
    fields["migration"] = {"type": "string", "plain": True, "description": phase}
    return {
        "type": "object",
        "description": "A grant of `RealmGrants`.",
        "properties": fields,
        "required": whole["requiredInputs"],
    }


_ENUM_OF = {"exchange": "Exchange", "flows": "Flow", "audience": "AudienceBy", "on_remove": "OnRemove"}


def _outputs(kind: ResourceKind) -> Iterator[tuple[str, Any]]:
    """The fields that a resource declares as outputs."""
    for each in reversed(kind.resource.__mro__):
        if issubclass(each, pulumi.Resource):
            for name, hint in inspect.get_annotations(each).items():
                if getattr(hint, "__origin__", None) is pulumi.Output and name not in NOT_SHOWN:
                    yield name, hint.__args__[0]


def _uuids(kind: ResourceKind) -> Iterator[str]:
    """The UUIDs of clients that must be given by name."""
    for name, uuid in kind.provider.CLIENTS.items():
        field = known_fields(kind).get(name)
        if field is not None and field.default is field.empty:
            yield uuid


def _described(texts: Mapping[str, str], name: str) -> Json:
    return {"description": texts[name]} if name in texts else {}


def _default(value: Any) -> Json:
    return {"default": value} if isinstance(value, str | bool | int) and value != "" else {}
