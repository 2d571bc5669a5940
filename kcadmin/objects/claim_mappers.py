"""Hardcoded claim mappers: each writes one fixed claim into a client's tokens.

https://www.keycloak.org/docs/latest/server_admin/#_protocol-mappers
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kcadmin.marks.ownership import NOBODY, OWNER_KEY, Writer, hash16
from kcadmin.objects.mappers import (
    ID_TOKEN_CLAIM,
    INTROSPECTION_CLAIM,
    LIGHTWEIGHT_CLAIM,
    TOKEN_CLAIM,
    USERINFO_CLAIM,
    is_set,
)
from kcadmin.objects.marked_mappers import MarkedMappers, marks, writer_of

CLAIM_MAPPER = "oidc-hardcoded-claim-mapper"
CLAIM, VALUE, JSON_TYPE = "claim.name", "claim.value", "jsonType.label"  # names of its settings
STRING = "String"
BITS = {"int": 32, "long": 64}


@dataclass(frozen=True)
class HardcodedClaimMapper:
    """A hardcoded claim mapper of a client. The flags say which tokens and answers contain the claim.

    lightweight: whether lightweight access tokens do. owner: whose it is. stored: the configuration exactly as it was read.
    """

    name: str
    claim_name: str
    claim_value: str
    json_type: str
    access_token: bool
    id_token: bool
    userinfo: bool
    introspection: bool
    lightweight: bool
    owner: str | None = None
    id: str | None = None
    stored: tuple[tuple[str, str], ...] = ()
    writer: Writer = NOBODY

    @property
    def mark(self) -> str | None:
        """The hash of the owner, as on every kind of object."""
        return hash16(self.owner) if self.owner else None

    @classmethod
    def read(cls, mapper: Mapping[str, Any]) -> "HardcodedClaimMapper":
        """From the server's representation."""
        config: Mapping[str, str] = mapper.get("config") or {}
        return cls(
            name=str(mapper["name"]),
            claim_name=config.get(CLAIM) or "",
            claim_value=config.get(VALUE) or "",
            json_type=config.get(JSON_TYPE) or STRING,
            access_token=is_set(mapper, TOKEN_CLAIM),
            id_token=is_set(mapper, ID_TOKEN_CLAIM),
            userinfo=is_set(mapper, USERINFO_CLAIM),
            introspection=is_set(mapper, INTROSPECTION_CLAIM),
            lightweight=is_set(mapper, LIGHTWEIGHT_CLAIM),
            owner=config.get(OWNER_KEY) or None,
            id=str(mapper["id"]),
            stored=tuple(sorted(config.items())),
            writer=writer_of(config),
        )

    def config(self) -> dict[str, str]:
        """The server's configuration for this mapper."""
        flags = {
            TOKEN_CLAIM: self.access_token,
            ID_TOKEN_CLAIM: self.id_token,
            USERINFO_CLAIM: self.userinfo,
            INTROSPECTION_CLAIM: self.introspection,
            LIGHTWEIGHT_CLAIM: self.lightweight,
        }
        texts = {CLAIM: self.claim_name, VALUE: self.claim_value, JSON_TYPE: self.json_type}
        return texts | {key: "true" if on else "false" for key, on in flags.items()} | marks(self)

    @property
    def claim(self) -> tuple[str, str, str]:
        """The claim that it writes, its value, and the type of that."""
        return self.claim_name, self.claim_value, self.json_type

    @property
    def adds(self) -> tuple[str, str]:
        """The claim that it writes, and its value."""
        return self.claim_name, self.claim_value

    def may_have_been(self, was: Mapping[str, Any]) -> bool:
        """Whether it may have been as a note says: the same claim and value, and no mark."""
        config = dict(was.get("stored") or ())
        noted = [tuple(was.get(field) for field in ("claim_name", "claim_value", "json_type"))]
        if config:
            noted.append(HardcodedClaimMapper.read({"name": "", "id": "", "config": config}).claim)
        return all(each == self.claim for each in noted) and OWNER_KEY not in config


def is_value_of(kind: str, value: str) -> bool:
    """Whether Keycloak can read a text as a JSON value of a type."""
    if kind in BITS:
        bound = 2 ** (BITS[kind] - 1)
        return bool(re.fullmatch("[+-]?[0-9]{1,20}", value)) and -bound <= int(value) < bound
    if kind == "boolean":
        return value in ("true", "false")
    if kind == "JSON":
        try:
            json.loads(value, parse_constant=int)  # NaN is not JSON
        except (ValueError, RecursionError):
            return False
    return True


class HardcodedClaimMappers(MarkedMappers[HardcodedClaimMapper]):
    """The hardcoded claim mappers of one client."""

    TYPE = CLAIM_MAPPER
    OURS = frozenset(
        {CLAIM, VALUE, JSON_TYPE, TOKEN_CLAIM, ID_TOKEN_CLAIM, USERINFO_CLAIM, INTROSPECTION_CLAIM, LIGHTWEIGHT_CLAIM}
    )
    READ = HardcodedClaimMapper.read
