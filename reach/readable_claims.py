"""What a mapper may write to a claim so that Keycloak cannot read the token any more: both exchanges call it invalid.

Tokens are issued with it all the same. It depends on the version: proven on Keycloak 24.0.5, 26.0.8, 26.2.5, 26.4.0, 26.5.6,
26.7.0, 26.7.3 and 26.7.5 (tests/acceptance/test_unreadable_claims.py). ``_OLDER`` says which versions count as old.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kcadmin.objects.claim_mappers import CLAIM_MAPPER
from kcadmin.objects.features import OLDEST_VERSION, STANDARD_FEATURE, Features
from reach.written_audiences import (
    CLAIM_MAPPERS,
    NEVER,
    NOTHING,
    UNKNOWN,
    Written,
    claim_parts,
    fixed_value,
    is_by_role,
    lacks,
    parties,
    written,
)

Json = Mapping[str, Any]
Shape = Callable[[Any], bool]
Version = tuple[int, ...]
SESSION, PARTY, KEY = "sid", "azp", "cnf"
_INTEGER, _LONG = re.compile(r"[+-]?\d{1,20}"), 2**63
_EMPTY = ("", "null")
_FLAGS = {*_EMPTY, "true", "True", "TRUE", "false", "False", "FALSE"}
_LISTS = frozenset({"oidc-group-membership-mapper", "oidc-organization-membership-mapper"})


def _any(value: Any) -> bool:
    return True


def _text(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _whole(value: Any) -> bool:
    return _long(value) is not None


def _past(value: Any) -> bool:
    number = _long(value)
    return number is not None and number <= time.time()


def _long(value: Any) -> int | None:
    """As a whole number; 0 for nothing, None for something else."""
    if value is None or (isinstance(value, str) and value.strip() in _EMPTY):
        return 0
    if isinstance(value, str):
        value = int(value) if _INTEGER.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LONG <= value < _LONG:
        return None
    return int(value)


def _flag(value: Any) -> bool:
    return value.strip() in _FLAGS if isinstance(value, str) else value is None or isinstance(value, int)


def _list(of: Shape) -> Shape:
    return lambda value: value is None or (isinstance(value, list) and all(map(of, value)))


def _map(of: Shape) -> Shape:
    return lambda value: value is None or (isinstance(value, dict) and all(map(of, value.values())))


def _object(fields: Mapping[str, Shape], *, others: bool = False) -> Shape:
    """others: whether it may have fields that Keycloak does not know."""
    return lambda value: (
        value is None
        or (
            isinstance(value, dict)
            and (others or value.keys() <= fields.keys())
            and all(of(value[name]) for name, of in fields.items() if name in value)
        )
    )


_ACCESS = _object({"roles": _list(_text), "verify_caller": _flag})
_TEXTS = (
    "at_hash", "c_hash", "s_hash", "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username",
    "profile", "picture", "website", "email", "gender", "birthdate", "zoneinfo", "locale", "phone_number", "claims_locales",
)  # fmt: skip
SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(_TEXTS, _text),
    "nbf": _past,
    "updated_at": _whole,
    "email_verified": _flag,
    "phone_number_verified": _flag,
    "trusted-certs": _list(_text),
    "allowed-origins": _list(_text),
    "realm_access": _ACCESS,
    "resource_access": _map(_ACCESS),
    "authorization": _object({"permissions": _list(_object({}, others=True))}),
    "authorization_details": _list(_object({"type": _text}, others=True)),
    KEY: _object({"x5t#S256": _text, "jkt": _text}),
    "otherClaims": lambda value: isinstance(value, dict),
    SESSION: lambda value: False,  # it must be that of the token's own session
    "address": _any,
}
"""By claim, whether Keycloak can read a value. For other claims it accepts any, or replaces what a mapper writes. On 26.7.3."""
_ADDRESS = _object(
    dict.fromkeys(("formatted", "street_address", "locality", "region", "postal_code", "country"), _text)
)
_OLDER: Mapping[str, tuple[Version, Shape]] = {
    "address": ((26, 5), _ADDRESS),
    "authorization_details": ((26, 7), _any),
    "otherClaims": ((26, 4), _any),
    SESSION: ((26, 2), lambda value: value is None),
}
"""The first version that reads a claim as SHAPES has it, and how older ones do."""
BINDS_SINCE, LEAVES_OUT_SINCE = (26, 7), (26, 7, 3)
_NEW: Version = (999,)


@dataclass(frozen=True, eq=False)
class ClaimRules:
    """How a server reads tokens. binds: its standard exchange heeds a key in ``cnf``.

    leaves_out: it leaves out what it cannot read within ``resource_access``, and takes the token.
    """

    shapes: Mapping[str, Shape]
    binds: bool
    leaves_out: bool


@lru_cache(16)
def _rules(version: Version) -> ClaimRules:
    older = {claim: shape for claim, (since, shape) in _OLDER.items() if version < since}
    return ClaimRules({**SHAPES, **older}, version >= BINDS_SINCE, version >= LEAVES_OUT_SINCE)


def claim_rules(features: Features) -> ClaimRules:
    """A server's. Where the login may not see the version, it is a new one, unless it lacks the standard exchange."""
    hidden = OLDEST_VERSION if STANDARD_FEATURE in features.unknown else _NEW
    return _rules(features.version or hidden)


NEWEST, OLDEST = _rules(_NEW), _rules(OLDEST_VERSION)
ONCE_EACH = frozenset(_TEXTS) | {"nbf", "updated_at", "email_verified", "phone_number_verified"}
"""If two mappers write one of these claims, one comes last. For other claims Keycloak reads both values."""
UNSEEN = frozenset({SESSION, PARTY, KEY, "resource_access"})
"""Claims for which an example does not show whether a real token would be accepted, or what it leaves out."""


def unread_claims(claims: Json, rules: ClaimRules) -> tuple[str, ...]:
    """The claims of an example of a token for which a real one would be refused."""
    shapes = rules.shapes
    return tuple(name for name, value in claims.items() if name in shapes.keys() - UNSEEN and not shapes[name](value))


def matters(mapper: Json) -> bool:
    """Whether a mapper may write ``aud``, directly or by a role, or may fail. Most write other claims."""
    if mapper["protocolMapper"] in NEVER and not lacks(mapper):
        return False
    return is_by_role(mapper) or written(mapper) != () or may_fail(mapper)


def may_fail(mapper: Json) -> bool:
    """Whether a mapper may, on some version, prevent tokens from being made, or from being exchanged as their client's."""
    spoils = any(may_spoil(mapper, each) for each in (NEWEST, OLDEST))
    return spoils or lacks(mapper) is not None or parties(mapper) != ()


def may_spoil(mapper: Json, rules: ClaimRules) -> bool:
    """Whether tokens with what a mapper writes may be refused. Most write other claims, or valid values."""
    claim = first_claim(mapper)
    is_role = _is_within(mapper, "resource_access")
    if claim not in rules.shapes or (rules.leaves_out and is_role):
        return False
    value = written_value(mapper)
    if value is not UNKNOWN:
        return value is not NOTHING and not (rules.shapes[claim](value) and (claim != KEY or value is None))
    config = mapper.get("config") or {}
    settings = (str(config.get(name) or "") for name in ("claim.name", "jsonType.label", "multivalued"))
    return (claim in UNSEEN and not is_role) or _may_spoil(rules, mapper["protocolMapper"], *settings)


def first_claim(mapper: Json) -> str:
    """The claim of a token that a mapper writes, or a part of it; empty for a mapper that writes none."""
    if mapper["protocolMapper"] not in CLAIM_MAPPERS:
        return ""
    name = str((mapper.get("config") or {}).get("claim.name") or "")
    return next(iter(claim_parts(name)), "") if "." in name or "\\" in name else name


def _is_within(mapper: Json, claim: str) -> bool:
    """Whether it writes a part of a claim."""
    return first_claim(mapper) == claim != str((mapper.get("config") or {}).get("claim.name"))


def writes_claim(mapper: Json, claim: str) -> bool:
    """Whether a mapper writes a claim, or a part of it."""
    return first_claim(mapper) == claim or (claim == "name" and mapper["protocolMapper"] == "oidc-full-name-mapper")


def written_value(mapper: Json) -> Any:
    """What a mapper writes to its first claim: NOTHING if it leaves it out, UNKNOWN if that depends on the user."""
    config = mapper.get("config") or {}
    found = fixed_value(config) if mapper["protocolMapper"] == CLAIM_MAPPER else UNKNOWN
    return found if isinstance(found, Written) else _nested(str(config.get("claim.name") or ""), found)


@lru_cache(4096)
def _may_spoil(rules: ClaimRules, kind: str, name: str, label: str, multivalued: str) -> bool:
    """For a mapper whose values come from the user: whether Keycloak cannot read values of their type."""
    samples: Mapping[str, Any] = {"int": 1, "long": 1, "boolean": True, "JSON": {"any": "x"}}
    sample = samples.get(label, "x")
    value = [sample] if kind in _LISTS or multivalued == "true" else sample
    return not rules.shapes[claim_parts(name)[0]](_nested(name, value))


def _nested(name: str, value: Any) -> Any:
    for part in reversed(claim_parts(name)[1:]):
        value = {part: value}
    return value
