"""Which 404 means that an object no longer exists: Keycloak's own words for that object, or for one in its path.

A gateway, another service or an unknown path also answers 404. Keycloak's words are those of 26.0.8 to 26.7.3.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kcadmin.rest.answers import Answer

Ask = Callable[[str, Mapping[str, str]], Answer]
"""GET of a path with a query; any status is an answer."""

REALM, CLIENT = "Realm not found.", "Could not find client"
ANY_PATH = "HTTP 404 Not Found"
"""Keycloak's words for objects of authorization services; any server with the same framework says them for any path."""
REJECTED = "invalid_request"
"""The words for a client that a client policy hides. Then only the first answer shows whether it has services."""
_ID = r"[^/]+"
_REALM = re.compile(rf"^/admin/realms/{_ID}")
_WORDS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (_REALM.pattern, REALM),
        (rf"/clients/{_ID}", CLIENT),
        (rf"/protocol-mappers/models/{_ID}", "Model not found"),
        (rf"/roles/{_ID}", "Could not find role"),
        (rf"/roles-by-id/{_ID}", "Could not find role with id"),
        (rf"/client-scopes/{_ID}", "Could not find client scope"),
        (rf"/(?:default|optional)-client-scopes/{_ID}", "Client scope not found"),
        (rf"/users/{_ID}", "User not found"),
        (rf"/groups/{_ID}", "Could not find group by id"),
        (r"/group-by-path/.+", "Group path does not exist"),
        (rf"/evaluate-scopes/scope-mappings/{_ID}/granted$", "Role Container not found"),
    )
)
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}"
_SERVICES = re.compile(rf"^(/admin/realms/{_ID}/clients/{_ID})/authz/resource-server")
_OBJECT = re.compile(rf"/authz/resource-server/(policy|permission|scope|resource)/(?:[a-z][a-z-]*/)?({_UUID})(?:/|$)")
_FILTERS = {"policy": "policyId", "permission": "policyId", "scope": "scopeId", "resource": "_id"}
_EXAMPLE = re.compile(r"/evaluate-scopes/generate-example-access-token$")
_NO_EXAMPLE = ("No user found", "Requested audience not available")


def is_gone(answer: Answer, ask: Ask) -> bool:
    """Whether a 404 is Keycloak's own for its path. ask: makes a request, only if the words leave it open."""
    words = answer.own_words()
    if words is None and not answer.content:
        words = ANY_PATH  # for authorization scopes the answer is empty
    at = answer.at
    if words is None:
        return False
    if _EXAMPLE.search(at) and words.startswith(_NO_EXAMPLE):
        return True
    if words == ANY_PATH:
        return _is_none_of_services(at, ask)
    return any(named == at or _says(ask(named, {}), words) for named in _named(at, words))


def _named(at: str, words: str) -> Iterator[str]:
    """The objects in a path whose absence Keycloak would report."""
    for pattern, said in _WORDS:
        for found in pattern.finditer(at) if said == words else ():
            realm = _REALM.match(at)
            yield realm.group() + found.group() if realm and words == CLIENT else at[: found.end()]


def _says(answer: Answer, words: str) -> bool:
    return answer.status_code == 404 and answer.own_words() == words


def _is_none_of_services(at: str, ask: Ask) -> bool:
    """Whether a list without the object, or a client without authorization services, confirms it."""
    services = _SERVICES.match(at)
    if services is None:
        return False
    if found := _OBJECT.search(at):
        kind, id_ = found.groups()
        listed = "policy" if kind == "permission" else kind
        answer = ask(f"{services.group()}/{listed}", {_FILTERS[kind]: id_, "first": "0", "max": "1"})
        if answer.ok:
            return bool(answer.json() == [])
        if answer.own_words() != ANY_PATH:
            return False
    client = ask(services.group(1), {})
    return _has_no_services(client) or (found is None and client.status_code == 400 and client.own_words() == REJECTED)


def _has_no_services(answer: Answer) -> bool:
    if answer.status_code == 200:
        client: Any = answer.json()
        return answer.at.endswith(f"/{client['id']}") and not client.get("authorizationServicesEnabled")
    return _says(answer, CLIENT)
