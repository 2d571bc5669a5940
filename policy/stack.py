"""A stack as the rules see it: plain data, read from the resources of a preview or of a state."""

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

from kcadmin.marks.packed import GRANT as GRANT
from kcadmin.marks.packed import OBJECT, each_of
from kcadmin.rest.texts import named

PROVIDER = "pulumi:providers:pulumi-python"  # its properties are the stack's config
PACKAGE_PROVIDER = "pulumi:providers:keycloak-token-exchange"  # the same without the project's name
STANDARD, LEGACY = "standard", "legacy"
REQUESTER_FLOW = "requester"
INSECURE_TLS, INSECURE_HTTP = "insecureTls", "insecureHttp"
_LOOPBACK = re.compile(r"http://(localhost\.?|127(\.\d+){3}|\[::1\])(:\d+)?(/|$)", re.IGNORECASE)
PASSWORD, CLIENT = "password", "client"
BY_CLIENT = ("clientId", "clientAssertionFile")  # config keys that choose a login as a client
BY_ASSERTION = ("KEYCLOAK_CLIENT_ASSERTION_FILE", "KEYCLOAK_CLIENT_ASSERTION_COMMAND")
BY_PERSON = "KEYCLOAK_ADMIN_PASS"
CONNECTION = "connection"  # the property of a resource at another server than the stack's
ADDRESS, ALLOWED_BY = "KEYCLOAK_URL", "KEYCLOAK_INSECURE_HTTP"
BY_PASSWORD = ("adminPassword", "clientSecret", "privateKey")  # with one of these config keys, no assertion is used
Props = Mapping[str, Any]
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")  # of prod-eu, EU_PROD, euProd and prod2
_NEGATIONS = ("non", "not", "no", "pre")


@dataclass(frozen=True)
class Resource:
    """One resource of a stack. kind: its type token. properties: its outputs; None if a preview cannot know them."""

    kind: str
    urn: str
    properties: Props = field(repr=False)

    def text(self, key: str) -> str:
        return str(self.properties.get(key) or "")

    def sentence(self, subject: str, wrong: str) -> str:
        return f"{subject} in realm {named(self.text('realm'))}: {wrong}"


@dataclass(frozen=True)
class Requester:
    """A client that exchanges tokens, and its settings on the server; None if they were not read."""

    client_id: str
    public: bool | None = None
    full_scope: bool | None = None


@dataclass(frozen=True)
class Grant:
    """Who may act for whom; clients by their client ids.

    :param exchange: ``standard`` or ``legacy``. standard_offered: whether a legacy grant's server has the standard one.
    :param asking: those of ``requesters`` that ask for the target as audience. review_by, reason: as people wrote them.
    """

    name: str
    realm: str
    sources: tuple[str, ...]
    target: str
    exchange: str = STANDARD
    requesters: tuple[Requester, ...] = ()
    asking: tuple[str, ...] = ()
    standard_offered: bool = False
    required_roles: bool = False
    time_window: bool = False
    review_by: str | None = None
    reason: str | None = None
    urn: str = ""

    def sentence(self, wrong: str) -> str:
        return f"grant {named(self.name)} in realm {named(self.realm)}: {wrong}"


@dataclass(frozen=True)
class Stack:
    """A stack: its name, the day, how it logs in (``password``, ``client``, or "" if not known), its resources and grants.

    login: ``password`` also if only one of several logins is by password. unsafe: keys that make one of its connections
    unsafe.
    """

    name: str
    today: datetime.date
    login: str = ""
    grants: tuple[Grant, ...] = ()
    resources: tuple[Resource, ...] = ()
    unsafe: tuple[str, ...] = ()

    def of(self, kind: str) -> Iterator[Resource]:
        """The stack's Keycloak objects of a type, such as ``ClientPolicy``, inside and outside of grants."""
        return (each for each in self.resources if each.kind == f"{OBJECT}{kind}")

    def clients_of(self, kind: str) -> frozenset[tuple[str, str]]:
        """The clients, as (realm, client id), that have a setting."""
        return frozenset((each.text("realm"), each.text("client_id")) for each in self.of(kind))

    def is_one_of(self, patterns: Iterable[str]) -> bool:
        """Whether a pattern is the stack's name or one word of it. ``*`` means any characters; upper and lower case are the
        same.

        A word after ``non`` or ``pre`` does not count: ``non-prod`` is not ``prod``.
        """
        words = [word.lower() for word in _WORDS.findall(self.name)]
        name, counted = self.name.lower(), {word for before, word in pairwise(("", *words)) if before not in _NEGATIONS}
        return any(fnmatchcase(name, pattern.lower()) or pattern.lower() in counted for pattern in patterns)


def read_stack(today: datetime.date, resources: Iterable[Resource], environ: Mapping[str, str]) -> Stack:
    """A stack from all of its resources.

    Their URNs contain its name; their providers and connections contain its logins.
    :param environ: of the run. It may contain a login token of its platform, or an address.
    """
    known = tuple(sorted(_each(resources), key=lambda resource: resource.urn))
    ways = list(_ways(known, environ))
    logins = [_login(*way) for way in ways]
    return Stack(
        known[0].urn.split(":")[2] if known else "",
        today,
        PASSWORD if PASSWORD in logins else next(iter(logins), ""),
        tuple(_grant(each) for each in known if each.kind == GRANT),
        tuple(each for each in known if each.kind.startswith(OBJECT)),
        tuple(dict.fromkeys(key for way in ways for key in _unsafe(*way))),
    )


def _each(resources: Iterable[Resource]) -> Iterator[Resource]:
    """The resources in the rules' form: those of the package as dynamic ones, parts of one resource per realm as resources."""
    for resource in map(_provider_of_either, resources):
        whole = {"type": resource.kind, "urn": resource.urn, "outputs": dict(resource.properties)}
        yield from (Resource(each["type"], each["urn"], each["outputs"]) for each in each_of([whole]))


def _provider_of_either(resource: Resource) -> Resource:
    """The package's provider with its properties named as in a stack's config; any other resource as it is."""
    if resource.kind != PACKAGE_PROVIDER:
        return resource
    project = resource.urn.split("::")[1]
    return Resource(PROVIDER, resource.urn, {f"{project}:{key}": each for key, each in resource.properties.items()})


def _ways(known: Iterable[Resource], environ: Mapping[str, str]) -> Iterator[tuple[Props, Mapping[str, str]]]:
    """Each connection to a server: its config keys, and the environment that counts for it."""
    seen: list[Props] = []
    for each in known:
        given = each.properties.get(CONNECTION)
        if each.kind == PROVIDER:
            before, name = f"{each.urn.split('::')[1]}:", each.urn.rpartition("::")[2]
            stacks = name.startswith("default") or PACKAGE_PROVIDER not in each.urn
            config = {key.removeprefix(before): value for key, value in each.properties.items()}
            yield config, environ if stacks else _of(name, environ)
        elif isinstance(given, Mapping) and given not in seen:
            seen.append(given)
            yield given, _of(_text(given, "name"), environ)


def _of(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a connection besides the stack's, under the names of the stack's variables."""
    before = f"{re.sub('[^A-Za-z0-9]', '_', name).upper()}_"
    return {key.removeprefix(before): value for key, value in environ.items() if key.startswith(before)}


def _unsafe(given: Props, environ: Mapping[str, str]) -> Iterator[str]:
    if _text(given, INSECURE_TLS).lower() == "true":
        yield INSECURE_TLS
    allowed = "true" in (_text(given, INSECURE_HTTP).lower(), environ.get(ALLOWED_BY, "").strip().lower())
    url = _text(given, "url") or environ.get(ADDRESS, "")
    if allowed or (url.lower().startswith("http:") and not _LOOPBACK.match(url)):
        yield INSECURE_HTTP


def _login(given: Props, environ: Mapping[str, str]) -> str:
    """Like the connection itself: without a client in config, a token of the platform counts if nothing else is set."""
    if any(_text(given, key) for key in BY_CLIENT):
        return CLIENT
    asserted = any(environ.get(name, "").strip() for name in BY_ASSERTION)
    others = environ.get(BY_PERSON) or any(_text(given, key) for key in BY_PASSWORD)
    return CLIENT if asserted and not others else PASSWORD


def _text(given: Props, key: str) -> str:
    return str(given.get(key) or "")


def _grant(resource: Resource) -> Grant:
    props = resource.properties
    facts: Props = props.get("requesters") or {}
    flows: list[Props] = [flow for flow in props.get("flows") or () if flow]
    names = dict.fromkeys(str(flow.get("requester")) for flow in flows)
    return Grant(
        name=resource.urn.rpartition("::")[2],
        realm=resource.text("realm"),
        sources=tuple(props.get("sources") or ()),
        target=resource.text("target"),
        exchange=resource.text("exchange"),
        requesters=tuple(_requester(name, facts.get(name) or {}) for name in names),
        asking=tuple(dict.fromkeys(str(flow["requester"]) for flow in flows if flow.get("flow") == REQUESTER_FLOW)),
        standard_offered=bool(props.get("standardOffered")),
        required_roles=bool(props.get("requiredRoles")),
        time_window=bool(props.get("timeWindow")),
        review_by=props.get("reviewBy"),
        reason=props.get("reason"),
        urn=resource.urn,
    )


def _requester(name: str, facts: Props) -> Requester:
    return Requester(name, facts.get("public"), facts.get("fullScope"))
