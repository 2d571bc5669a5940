"""The shapes of Keycloak's answers, as far as this project reads them. Other shapes are refused before any code reads them.

A field means the same in all of Keycloak's representations. The end of a path decides the shape of its whole answer.
https://www.keycloak.org/docs-api/latest/rest-api/index.html#_overview (Models)
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

DEEPEST = 50
_LEVELS = {"server": 1, "realm": 1, "event": 1, "claims": 0, "document": 0, "user": 1}
"""How many levels are checked in answers with free content, or with much that is not read; in others all."""
_TEXTS = (
    *(
        "id",
        "_id",
        "clientId",
        "name",
        "type",
        "protocol",
        "protocolMapper",
        "providerId",
        "alias",
        "internalId",
        "username",
    ),
    *("description", "logic", "decisionStrategy", "clientAuthenticatorType", "containerId", "resource", "version"),
    *("error", "userId", "ipAddress", "sessionId", "realmId", "executor", "condition", "value"),
)
_FLAGS = (
    *("enabled", "publicClient", "bearerOnly", "fullScopeAllowed", "serviceAccountsEnabled", "standardFlowEnabled"),
    *(
        "directAccessGrantsEnabled",
        "implicitFlowEnabled",
        "authorizationServicesEnabled",
        "consentRequired",
        "composite",
    ),
    *("clientRole", "adminPermissionsEnabled", "eventsEnabled", "extendChildren", "fetchRoles"),
)
_NUMBERS = ("time", "accessTokenLifespan", "ssoSessionIdleTimeout", "ssoSessionMaxLifespan", "eventsExpiration")
_NUMBERS_OR_TEXTS = tuple(
    f"{unit}{end}" for unit in ("dayMonth", "month", "hour", "minute", "year") for end in ("", "End")
)
_LISTS_OF_TEXTS = (
    *("redirectUris", "webOrigins", "defaultClientScopes", "optionalClientScopes", "enabledEventTypes"),
    *("eventsListeners", "clients", "users"),
)
_LISTS_OF_OBJECTS = (
    *("protocolMappers", "realmMappings", "mappings", "features", "executors", "conditions", "clientScopes", "groups"),
)
_LISTS_OF_EITHER = ("policies", "scopes", "resources", "roles", "profiles")
_ENTRIES = ("policies", "profiles", "globalProfiles", "scopes", "resources")
"""Objects in a realm's client policies and in a resource server's settings; elsewhere they may be names."""
_MAPS_OF_TEXTS = ("config", "details", "scopePermissions")
_REQUIRED = {
    "client": ("id", "clientId"),
    "role": ("id", "name"),
    "named": ("id", "name"),
    "resource": ("_id", "name"),
    "known": ("id",),
    "event": ("type", "time"),
    "provider": ("type",),
    "policy": ("id", "name", "type"),
    "alias": ("alias", "internalId"),
    "user": ("id", "username"),
}
_WITHIN = {
    "protocolMappers": ("name", "protocolMapper"),
    "realmMappings": ("name",),
    "mappings": ("name",),
    "features": ("name", "enabled"),
    "executors": ("executor",),
    "conditions": ("condition",),
    "clientScopes": ("id",),
    "groups": ("id",),
}
# The first that matches decides whether a GET answers a list or an object, and what each object has.
_PATHS: tuple[tuple[re.Pattern[str], type, str], ...] = tuple(
    (re.compile(pattern), shape, kind)
    for pattern, shape, kind in (
        (r"/admin/serverinfo$", dict, "server"),
        (r"/(?:openid-configuration|openid-connect/certs|openid-connect/token)$", dict, "document"),
        (r"/resource-server/settings$", dict, "entries"),
        (r"/resource-server/policy/providers$", list, "provider"),
        (r"/resource-server/resource/search$", dict, "resource"),
        (r"/resource-server/(?:policy|permission|scope)/search$", dict, "named"),
        (r"/resource-server/[a-z]+/[^/]+/resources$", list, "resource"),
        (
            r"/resource-server/[a-z]+/[^/]+/(?:associatedPolicies|dependentPolicies|scopes|permissions)$",
            list,
            "named",
        ),
        (r"/resource-server/(?:policy|permission)/[^/]+/[^/]+$", dict, "named"),
        (r"/resource-server/(?:policy|permission)/[^/]+$", dict, "policy"),
        (r"/resource-server/(?:policy|permission)$", list, "policy"),
        (r"/resource-server/scope$", list, "named"),
        (r"/client-policies/(?:policies|profiles)$", dict, "entries"),
        (r"/management/permissions$|-management-permissions$", dict, "any"),
        (r"/generate-example-access-token$", dict, "claims"),
        (r"/events/config$|/client-secret$", dict, "any"),
        (r"/events$", list, "event"),
        (r"/service-account-user$", dict, "user"),
        (r"/users$", list, "user"),
        (r"/groups$", list, "named"),
        (r"/identity-provider/instances$", list, "alias"),
        (
            r"/scope-mappings/[^/]+/granted$|/scope-mappings/(?:realm|clients/[^/]+)(?:/(?:available|composite))?$",
            list,
            "role",
        ),
        (r"/role-mappings/(?:realm|clients/[^/]+)(?:/(?:available|composite))?$", list, "role"),
        (r"/(?:scope|role)-mappings$", dict, "any"),
        (r"/roles(?:-by-id/[^/]+|/[^/]+)/composites(?:/realm|/clients/[^/]+)?$", list, "role"),
        (r"/roles(?:-by-id)?/[^/]+$", dict, "role"),
        (r"/roles$", list, "role"),
        (r"/protocol-mappers/models$", list, "named"),
        (r"/(?:default-)?(?:default|optional)-client-scopes$", list, "named"),
        (r"/client-scopes$", list, "named"),
        (r"/client-scopes/[^/]+$", dict, "named"),
        (r"/realms/[^/]+/clients$", list, "client"),
        (r"/realms/[^/]+/clients/[^/]+$", dict, "client"),
        (r"^/admin/realms/[^/]+$", dict, "realm"),
    )
)
_WRITTEN = (
    (re.compile(r"/resource-server/(?:policy|permission|scope|resource)(?:/[^/]+)?$"), dict, "known"),
    (re.compile("/management/permissions$"), dict, "any"),
    (re.compile(""), dict, "document"),
)


def misshapen(method: str, at: str, value: Any) -> str | None:
    """What in a JSON answer Keycloak would never send, in words, or None. at: the path that was asked."""
    asked = _PATHS if method == "GET" else _WRITTEN
    path = at.partition("?")[0]
    known = next(((shape, kind) for pattern, shape, kind in asked if pattern.search(path)), None)
    return next(_wrong(value, *known), None) if known else None  # answers that nothing here reads are not checked


def _wrong(value: Any, shape: type, kind: str) -> Iterator[str]:
    if not isinstance(value, shape):
        yield f"no {_word(shape)}"
        return
    if kind == "entries" and isinstance(value, dict):
        yield from (f"{field} of another type" for field in _ENTRIES if not _is_objects(value.get(field) or []))
    for each in value if isinstance(value, list) else [value]:
        if shape is list and not isinstance(each, dict):
            yield "a list of no objects"
        elif isinstance(each, dict):
            yield from _lacking(each, _REQUIRED.get(kind, ()), kind)
            if kind in ("client", "realm") and not _is_moment(each.get("notBefore", 0)):  # in a policy it is a text
                yield "notBefore of another type"
            if kind == "event" and not _is_moment(int(each["time"]) // 1000 if _is_number(each.get("time")) else 0):
                yield "time that no calendar has"
    yield from _within(value, _LEVELS.get(kind, DEEPEST), whole=kind not in _LEVELS)


def _lacking(value: Mapping[str, Any], fields: tuple[str, ...], what: str) -> Iterator[str]:
    yield from (f"no {field} in a {what}" for field in fields if value.get(field) in (None, ""))


def _within(value: Any, levels: int, *, whole: bool) -> Iterator[str]:
    """whole: all levels are checked."""
    if levels < 0 and whole:
        yield f"objects nested more than {DEEPEST} deep"
    elif isinstance(value, list):
        for each in value:
            yield from _within(each, levels - whole, whole=whole)
    elif isinstance(value, dict) and levels > 0:
        for field, each in value.items():
            fits = _FIELDS.get(field)
            if fits and not fits(each):
                yield f"{field} of another type"
            elif isinstance(each, dict | list) and field not in _LEAVES:
                for one in each if isinstance(each, list) else ():
                    if isinstance(one, dict):
                        yield from _lacking(one, _WITHIN.get(field, ()), field)
                held = list(each.values()) if isinstance(each, dict) and field in _BY_NAME else each
                yield from _within(held, levels - 1, whole=whole)


def _is_moment(value: Any) -> bool:
    """Seconds since 1970 that any platform knows."""
    return _is_number(value) and -1 << 31 <= value < 1 << 31


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _has_mappings(value: Any) -> bool:
    return isinstance(value, dict) and _is_objects(value.get("mappings"))


def _has_providers(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("providers", {}), dict)


def _is_attributes(value: Any) -> bool:
    """Of a client, each is a text; of a user or group, a list of texts."""
    return isinstance(value, dict) and all(
        each is None or isinstance(each, str) or _is_texts(each) for each in value.values()
    )


_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_TEXTS, lambda value: isinstance(value, str)),
    **dict.fromkeys(_FLAGS, lambda value: isinstance(value, bool)),
    **dict.fromkeys(_NUMBERS, _is_number),
    **dict.fromkeys(_NUMBERS_OR_TEXTS, lambda value: isinstance(value, str) or _is_number(value)),
    **dict.fromkeys(_LISTS_OF_TEXTS, _is_texts),
    **dict.fromkeys(_LISTS_OF_OBJECTS, _is_objects),
    **dict.fromkeys(_LISTS_OF_EITHER, lambda value: _is_texts(value) or _is_objects(value)),
    "configuration": lambda value: isinstance(value, dict),
    "systemInfo": lambda value: value is None or isinstance(value, dict),  # older servers
    **dict.fromkeys(
        _MAPS_OF_TEXTS, lambda value: isinstance(value, dict) and all(isinstance(v, str | None) for v in value.values())
    ),
    "attributes": _is_attributes,
    "providers": lambda value: isinstance(value, dict) and all(map(_has_providers, value.values())),
    "clientMappings": lambda value: isinstance(value, dict) and all(_has_mappings(each) for each in value.values()),
}
_BY_NAME = ("clientMappings", "clientRoles", "registeredNodes", "authenticationFlowBindingOverrides")
"""Maps whose keys are names. A client or node may have the same name as a field."""
_LEAVES = ("attributes", "config", "details", "configuration", "systemInfo", "access", "scopePermissions")


def _word(shape: type) -> str:
    return "list" if shape is list else "object"
