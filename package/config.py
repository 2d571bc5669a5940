"""The provider's config: how to reach a server, and defaults for resources. Its keys are those of a stack's config."""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from components.settings import read_flag
from grants.spec import EXCHANGES
from kcadmin.marks.packed import explicit_name
from kcadmin.marks.proposals import NO_ORGANIZATION
from kcadmin.rest.config_secrets import plain_secrets
from kcadmin.rest.connection import Connection, read_connection
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.given_connection import KEYS as OF_CONNECTION
from kcadmin.rest.given_connection import given_connection
from kcadmin.rest.texts import shown
from providers.base.face import PACKAGE
from providers.base.identity import owner_faults
from providers.base.place import backend_url
from providers.base.stack_config import KEYS as OF_STACK
from providers.base.stack_config import mistyped
from providers.base.uuids import is_known

FLAGS = ("insecureTls", "insecureHttp", "protect")
ORGANIZATION = "organization"
OF_PROGRAMS: Mapping[str, str] = {
    "grants": "make each a TokenExchangeGrant of the program",
    "grantsFile": "make each grant a TokenExchangeGrant of the program",
    "guards": "make them the resource ExchangeGuards of the program",
    "events": "make them the resource ExchangeEvents of the program",
    "resources": "make the grants of a realm one RealmGrants of the program",
}
"""Keys for a stack with planned grants, which the package would ignore."""
KEYS = (*(key for key in OF_STACK if key not in OF_PROGRAMS), ORGANIZATION)
_SET = re.compile(r"(pulumi config set (?:--secret )?)(?=[a-zA-Z])")


def as_texts(props: Mapping[str, Any]) -> dict[str, str]:
    """The keys that are set and known, as a stack's config holds them."""
    known = {key: value for key, value in props.items() if key in KEYS and value not in (None, "") and is_known(value)}
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in known.items()}


def variables_name(urn: str) -> str:
    """The prefix of variables for a provider that a program makes; empty for the default one."""
    fit = re.sub("[^A-Za-z0-9-]", "-", explicit_name(urn))[:60]
    return fit if fit[:1].isalpha() or not fit else f"p-{fit}"


def connection(texts: Mapping[str, str], urn: str) -> Connection:
    """The default provider's is in the stack's config, an explicit one's in its own, so no secret of the stack goes there.

    :raises InvalidSettings: with every fault.
    """
    name = variables_name(urn)
    if not name:
        return read_connection(texts.get)
    return given_connection({**{key: text for key, text in texts.items() if key in OF_CONNECTION}, "name": name})


def plain_in_stack(config: Mapping[str, str], secret: Collection[str]) -> list[str]:
    """A sentence for each of the login's secrets that a stack's config holds in plain text. secret: the keys that are secrets."""
    before = f"{PACKAGE}:"
    found = plain_secrets(lambda key: config.get(before + key), lambda key: before + key in secret)
    return [as_of_package(each) for each in found]


def faults(props: Mapping[str, Any], urn: str = "") -> list[str]:
    """A sentence for each fault. What is not known yet is not judged."""
    texts, found = as_texts(props), mistyped(props, only_ours=False, known=tuple(KEYS))
    if all(is_known(value) for value in props.values()):
        try:
            connection(texts, urn)
        except InvalidSettings as problem:
            found += problem.faults
    if (exchange := texts.get("exchange", "auto")) not in EXCHANGES:
        found.append(f"config 'exchange': is {shown(exchange)}; choose one of {', '.join(EXCHANGES)}.")
    read_flag(texts.get, "protect", found)
    if "owner" in texts:
        found += owner_faults(texts["owner"])
    for key, remedy in OF_PROGRAMS.items():
        if props.get(key) not in (None, "", "[]", "false", "each"):
            wrong = "is for a program of this project, which plans its grants together"
            found.append(f"config '{key}': {wrong}; {remedy}, and remove this key.")
    return [as_of_package(fault) for fault in dict.fromkeys(found)]


def as_of_package(sentence: str) -> str:
    """Rewords a sentence about a stack's config for the package's, whose keys have a prefix on the command line."""
    return _SET.sub(rf"\g<1>{PACKAGE}:", sentence)


def stack_name_of(urn: str, config: Mapping[str, str], told: str = "") -> str | None:
    """``<organization>/<project>/<stack>`` of a resource's URN, which does not contain the organization.

    None: it is not known.
    :param told: the organization of a grant in the same program, if there was one.
    """
    stack, project = urn.removeprefix("urn:pulumi:").split("::", 3)[:2]
    organization = config.get("organization") or told or _of_backend()
    return f"{organization}/{project}/{stack}" if organization else None


def _of_backend() -> str:
    """Self-managed backends call every organization alike."""
    address = backend_url(os.environ, Path.cwd())
    return NO_ORGANIZATION if address and not address.startswith("http") else ""
