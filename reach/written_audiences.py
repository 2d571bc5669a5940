"""What a mapper of each type writes to ``aud`` and ``azp``, proven by tokens of Keycloak 26.7.3.

https://www.keycloak.org/docs/latest/server_admin/#_protocol-mappers
"""

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, NoReturn

from kcadmin.objects.claim_mappers import CLAIM_MAPPER
from kcadmin.objects.mappers import AUDIENCE_MAPPER, RESOLVE_MAPPER, AudienceMapper

ROLE_MAPPER, RENAMED_ROLE_MAPPER = "oidc-hardcoded-role-mapper", "oidc-role-name-mapper"
ORGANIZATIONS = "oidc-organization-membership-mapper"  # not in 24.0
CLAIM_MAPPERS = frozenset(
    {
        CLAIM_MAPPER,
        "oidc-group-membership-mapper",
        ORGANIZATIONS,
        "oidc-usermodel-attribute-mapper",
        "oidc-usermodel-client-role-mapper",
        "oidc-usermodel-property-mapper",
        "oidc-usermodel-realm-role-mapper",
        "oidc-usersessionmodel-note-mapper",
    }
)
"""Types that write the claim in ``claim.name``."""
LATE_MAPPERS = frozenset({"oidc-usermodel-client-role-mapper", "oidc-usermodel-realm-role-mapper"})
NEVER = frozenset(
    {
        "oidc-acr-mapper",
        "oidc-address-mapper",
        "oidc-allowed-origins-mapper",
        "oidc-amr-mapper",
        "oidc-claims-param-token-mapper",
        "oidc-claims-param-value-idtoken-mapper",
        "oidc-full-name-mapper",
        "oidc-nonce-backwards-compatible-mapper",
        "oidc-organization-group-membership-mapper",
        "oidc-session-state-mapper",
        "oidc-sha256-pairwise-sub-mapper",
        "oidc-sub-mapper",
    }
)
"""Types that write other claims, whatever their configuration."""
IN_EACH_VERSION = (CLAIM_MAPPERS | {AUDIENCE_MAPPER, RESOLVE_MAPPER, ROLE_MAPPER, RENAMED_ROLE_MAPPER}) - {
    ORGANIZATIONS
}
"""Types that every supported Keycloak has, of those that may write ``aud``."""

NOTE_MAPPER = "oidc-usersessionmodel-note-mapper"
_NEEDS = {
    ROLE_MAPPER: ("role",),
    RENAMED_ROLE_MAPPER: ("role", "new.role.name"),
    NOTE_MAPPER: ("user.session.note",),
}

Json = Mapping[str, Any]
_BOUNDS = {"int": 2**31, "long": 2**63}
_ESCAPED = re.compile(r"\\(.)")


def parties(mapper: Json) -> tuple[str, ...] | None:
    """What a mapper writes to ``azp``, in the form of ``written``: Keycloak takes the token for one of that client."""
    return _of_claim(mapper, "azp") if mapper["protocolMapper"] in CLAIM_MAPPERS else ()


def written(mapper: Json) -> tuple[str, ...] | None:
    """What a mapper itself writes to ``aud``: texts, none, or None for any text."""
    kind = mapper["protocolMapper"]
    if kind == AUDIENCE_MAPPER:
        read = AudienceMapper.read(mapper)
        audience = read.included_client or read.custom_audience
        return (audience,) if audience else ()
    if kind in CLAIM_MAPPERS:
        return _of_claim(mapper, "aud")
    if kind in NEVER or is_by_role(mapper):
        return ()
    return None


def lacks(mapper: Json) -> str | None:
    """The setting without which Keycloak answers 500 when the mapper acts on a token."""
    config = mapper.get("config") or {}
    return next((each for each in _NEEDS.get(mapper["protocolMapper"], ()) if not config.get(each)), None)


def is_by_role(mapper: Json) -> bool:
    """Whether a mapper adds the clients of a token's roles, or adds a role."""
    return mapper["protocolMapper"] in (RESOLVE_MAPPER, ROLE_MAPPER, RENAMED_ROLE_MAPPER)


def is_unknown(mapper: Json) -> bool:
    known = CLAIM_MAPPERS | NEVER | {AUDIENCE_MAPPER, RESOLVE_MAPPER, ROLE_MAPPER, RENAMED_ROLE_MAPPER}
    return mapper["protocolMapper"] not in known


def _of_claim(mapper: Json, claim: str) -> tuple[str, ...] | None:
    config = mapper.get("config") or {}
    if not _is_claim(claim, str(config.get("claim.name") or "")):
        return ()
    return _fixed(config) if mapper["protocolMapper"] == CLAIM_MAPPER else None


def _is_claim(claim: str, name: str) -> bool:
    return claim_parts(name) == [claim] if "." in name or "\\" in name else name == claim


def claim_parts(name: str) -> list[str]:
    """A claim's name as Keycloak reads it: dots split it, and a backslash is dropped. The first part is the token's claim."""
    parts = re.findall(r"(?:\\.|[^\\.])+", name) if not name.startswith(".") else [name]
    return [_ESCAPED.sub(r"\1", part) for part in parts]


class Written(Enum):
    """How a hard-coded value is described that is not a fixed value."""

    NOTHING = "the claim is left out"
    UNKNOWN = "it may be any"


NOTHING, UNKNOWN = Written.NOTHING, Written.UNKNOWN


def fixed_value(config: Mapping[str, str]) -> Any:
    """A hard-coded value as it appears in a claim of any type. If Keycloak cannot read it, the claim is left out."""
    value, kind = config.get("claim.value") or "", config.get("jsonType.label") or "String"
    if not value:
        return NOTHING
    if kind in _BOUNDS:
        number = int(value) if re.fullmatch(r"[+-]?\d{1,20}", value) else None
        return number if number is not None and -_BOUNDS[kind] <= number < _BOUNDS[kind] else NOTHING
    if kind == "boolean":
        return value.lower() == "true"
    if kind == "JSON":
        return _first_of(value, _JSON)
    return value if kind == "String" else UNKNOWN


def _fixed(config: Mapping[str, str]) -> tuple[str, ...] | None:
    """The same in ``aud``: always one text, even if it looks like a list."""
    is_json = config.get("jsonType.label") == "JSON" and config.get("claim.value")
    found = _first_of(config["claim.value"], _WITHOUT_FRACTIONS) if is_json else fixed_value(config)
    if isinstance(found, Written):
        return () if found is NOTHING else None
    if isinstance(found, str) and not is_json:
        return (found,)
    return (json.dumps(found, separators=(",", ":"), ensure_ascii=False),)


def _first_of(text: str, decoder: json.JSONDecoder) -> Any:
    """The first JSON value of a text. Keycloak ignores what follows."""
    try:
        return decoder.raw_decode(text.lstrip(" \t\r\n"))[0]
    except (_Fraction, RecursionError):
        return UNKNOWN
    except ValueError:
        return NOTHING


class _Fraction(Exception):
    """A number that Java writes in its own way."""


def _fraction(text: str) -> NoReturn:
    raise _Fraction


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


_JSON = json.JSONDecoder(parse_constant=_no_number)
_WITHOUT_FRACTIONS = json.JSONDecoder(parse_float=_fraction, parse_constant=_no_number)
