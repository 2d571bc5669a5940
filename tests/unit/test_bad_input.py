"""Thousands of bad inputs, in config, in arguments and in resources: each is refused, before any request, in one sentence
a fault which names its key. Never another exception, and never a secret.

What may be written is read from the code: a new key of a grant, or a new input of a resource, is tested as soon as it is there.
Combinations of them come on top (see tests/support/examples.py).
"""

import functools
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pulumi
import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from pulumi.output import UNKNOWN

from components import token_exchange_grant
from components.settings import Settings, parse_settings
from components.token_exchange_grant import TokenExchangeGrant
from grants.spec import GrantSpec
from kcadmin.rest.connection import Connection, PasswordLogin, read_connection
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.login import token_form
from kcadmin.rest.texts import unfit
from providers.base import provider as _base
from providers.base.provider import KeycloakProvider
from tests.support.examples import TIMES, examples
from tests.support.resources import RESOURCES
from tests.unit.test_provider_state import classes

SHARE = 3  # of the bad inputs of resources, of which there are thousands, each field is given a third, in turn

# What is bad anywhere

NO_NAMES = [
    "",
    " ",
    "\t",
    "a\nb",
    "a\r\nb",
    "a\x00b",
    "\x1b[31mred",
    "\x7f",
    "\x85",
    "\ud800",
    "x\udfff",
    "x" * 256,
    "é" * 300,
]
deep: list[Any] = []
for _ in range(300):
    deep = [deep]
NO_TEXTS = [0, 1, -1, 1.5, 10**300, float("nan"), float("inf"), True, False]
NO_TEXTS += [[], [1], [None], [["a"]], [{}], ["a\nb"], {}, {"a": 1}, {"\ud800": "\n"}, {"role": 5}, deep]
TEXTS = st.text(st.characters(exclude_categories=()), max_size=6)  # with control characters and halves of characters
ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.sampled_from(NO_NAMES)),
    lambda each: st.one_of(st.lists(each, max_size=3), st.dictionaries(TEXTS, each, max_size=2)),
    max_leaves=4,
)


def well_formed(faults: Iterable[str], *subjects: str) -> list[str]:
    """Each fault in the house's form: a sentence in one line, of characters that a terminal shows, told once."""
    told = list(faults)
    assert told and len(told) == len(set(told)), told
    for fault in told:
        assert re.match(f"({'|'.join(subjects)}): .+; .+[.?]$", fault), fault
        assert fault.isprintable() and len(fault) < 1200, fault
        assert fault.encode()
    return told


# Config

CONFIG_FAULT, GRANT_FAULT = r"config '\w+'", "grant .+ in realm .+"
PROJECT = Path(__file__).resolve().parents[2]
CONFIG_KEYS = sorted(yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"])
BASE = {"url": "https://keycloak.test", "adminPassword": "pw", "realm": "r", "grants": "[]"}
SECRETS = ("adminPassword", "clientSecret", "privateKey")
SECRET = "hush-hush"
LEAST = {"name": "g", "sources": ["frontend"], "target": "api"}


def parse(config: Mapping[str, Any]) -> tuple[Settings | None, list[str]]:
    """The settings, or what is wrong with them."""
    try:
        return parse_settings(config.get, "org/project/stack"), []
    except InvalidSettings as refused:
        return None, well_formed(refused.faults, CONFIG_FAULT, GRANT_FAULT)


BAD_URLS = [
    *("keycloak", "keycloak.example.com", "//host", "http:", "http://", "https:///path", "http:/host", "ftp://host"),
    *("file:///etc/passwd", "javascript:alert(1)", "http://[", "http://[::1", "http://]", "http://host:port", "http://host:99999"),
    *("http://host:-1", "http://ho st", "http://host/a b", "http://host\nevil", "http://ho\tst", "http://ho\x00st", "http://\ud800"),
    *("http://a..b", "http://.host", f"http://{'a' * 64}.com", "http://host?a=b", "http://host/#a", "http://host?", "http://*"),
    *("http://host/realms/master", "http://host/realms", "http://host/auth/realms/r/protocol", "http://ann@host"),
    *(f"http://ann:{SECRET}@host", f"http://ann:{SECRET}@host:port", f"ann:{SECRET}@host", f"http://ann:{SECRET}@"),
    *(f"https://host?password={SECRET}", f"https://host#{SECRET}", "{}", "[]", "null", "5", "http://" + "a." * 5000),
]  # fmt: skip


@pytest.mark.parametrize("url", BAD_URLS, ids=range(len(BAD_URLS)))
def test_an_address_that_is_none(url: str) -> None:
    (fault,) = parse({**BASE, "url": url})[1]
    assert fault.startswith("config 'url': ") and SECRET not in fault


@pytest.mark.parametrize(
    "key", ["loginRealm", "adminUsername", "clientId", "realm", "owner", "exchange", "insecureTls"]
)
@pytest.mark.parametrize("text", ["a\nb", "a\x00b", "\x1b[31m", "\ud800", "x\udfffx"], ids=ascii)
def test_a_text_of_the_config_that_is_none(key: str, text: str) -> None:
    told = parse(
        {**BASE, "grants": json.dumps([LEAST]), "clientSecret": "s" if key == "clientId" else None, key: text}
    )[1]
    assert len(told) == 1 and key in told[0].split("; ")[0]


@pytest.mark.parametrize(
    "path", ["/no/such", "/", "\x00", "\ud800", "x" * 5000, "a\nb", "/etc/passwd", "/proc/self/mem", "http://x"]
)
def test_a_ca_certificate_that_is_none(path: str) -> None:
    (fault,) = parse({**BASE, "caCertificate": path})[1]
    assert fault.startswith("config 'caCertificate': ")


@pytest.mark.parametrize("realm", [".", ".."])
def test_a_realm_that_leads_elsewhere(realm: str) -> None:
    for key in ("realm", "loginRealm"):
        (fault,) = parse({**BASE, "grants": json.dumps([LEAST]), key: realm})[1]
        assert f"is '{realm}', which is not allowed in an address; " in fault


@pytest.mark.parametrize("key", SECRETS)
@pytest.mark.parametrize(
    "how", ["{}\udc80", "{}\x00", "\n{}\n", "{0}" * 5000, "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----"]
)
def test_a_secret_that_is_none_is_never_shown(key: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, client = how.format(SECRET), {"clientId": "robot"} if key != "adminPassword" else {}
    variable = {"adminPassword": "ADMIN_PASS", "clientSecret": "CLIENT_SECRET", "privateKey": "PRIVATE_KEY"}[key]
    for environ, config in (({}, {key: secret}), ({f"KEYCLOAK_{variable}": secret}, {})):
        given = {**BASE, "adminPassword": "", **client, **config}
        try:
            connection = read_connection(given.get, environ)
            assert SECRET not in f"{connection!r} {connection}"
            assert SECRET in str(token_form(connection.login, "issuer")) and key != "privateKey"
        except InvalidSettings as refused:
            (fault,) = well_formed(refused.faults, CONFIG_FAULT)
            assert f"'{key}'" in fault and SECRET not in fault
        wrong = {**given, "url": "", "insecureTls": "x", "loginRealm": ".."}
        with pytest.raises(InvalidSettings) as caught:
            read_connection(wrong.get, environ)
        assert len(caught.value.faults) >= 3 and SECRET not in str(caught.value)


@examples(100)
@given(st.dictionaries(st.sampled_from(CONFIG_KEYS), st.one_of(TEXTS, st.sampled_from([*NO_NAMES, *BAD_URLS]))), ANY)
def test_any_config_is_read_or_refused(config: dict[str, str], grants: Any) -> None:
    secrets = {key: f"never-told {config[key]}" for key in SECRETS if key in config}
    found, told = parse({**BASE, **config, **secrets, "grants": config.get("grants") or json.dumps(grants)})
    assert (found is None) == bool(told)
    assert "never-told" not in str(told)


# Grants in config

HINTS = get_type_hints(GrantSpec)
CAMEL = {re.sub(r"_(.)", lambda letter: letter.group(1).upper(), each.name): each.name for each in fields(GrantSpec)}
FOR_PEOPLE = ("reason", "review_by")
NO_GRANTS = [
    *("[", "]", "{", "{}", "null", "true", "NaN", "5", '"g"', '["g"]', "[null]", "[[]]", "[[{}]]", "- name: g", "\x00", "\ud800"),
    *("[NaN]", "[1e999]", "[" + "9" * 5000 + "]", "[" * 100_000, "[" * 500 + "]" * 500, '[{"a":' * 50_000, "\ufeff[]", "[],[]"),
]  # fmt: skip


@pytest.mark.parametrize("text", NO_GRANTS, ids=range(len(NO_GRANTS)))
def test_grants_that_are_no_list_of_grants(text: str) -> None:
    (fault,) = parse({**BASE, "grants": text})[1]
    assert fault == "config 'grants': is not a list of grants; give each with name, sources and target."


def right_types(hint: Any, list_of: type = list) -> set[type]:
    """The types that a value of a field may have, as JSON or Python gives it."""
    if get_origin(hint) in (Union, UnionType):
        return {each for part in get_args(hint) for each in right_types(part, list_of)}
    if get_origin(hint) is tuple:
        return {list_of}
    return {dict} if is_dataclass(hint) else {hint}


def bad_values(field: str) -> Iterator[Any]:
    """What a field of a grant must refuse."""
    right = right_types(HINTS[field])
    no_text = [text for text in NO_NAMES if field not in FOR_PEOPLE or unfit(text, lines=True)]
    for value in (*NO_TEXTS, *no_text):
        if type(value) not in right or isinstance(value, str) or (isinstance(value, list) and value):
            yield value
    if list in right:
        yield from ([name] for name in NO_NAMES)


def named(told: list[str], key: str) -> list[str]:
    """The faults that name a key in what they say is wrong."""
    return [fault for fault in told if key in fault.split(": ", 1)[1].split("; ")[0]]


@pytest.mark.parametrize("key", sorted(CAMEL))
def test_a_bad_value_in_a_grant(key: str) -> None:
    for value in bad_values(CAMEL[key]):
        found, told = parse({**BASE, "grants": json.dumps([{**LEAST, key: value}])})
        assert found is None and named(told, key), (value, told)


@pytest.mark.parametrize(
    "key", ["", " ", "\n", "\ud800", "naem", "Name", "name ", "allow_refresh", "__class__", "describe", "x" * 3000]
)
def test_an_unknown_key_in_a_grant(key: str) -> None:
    (fault,) = parse({**BASE, "grants": json.dumps([{**LEAST, key: 1}])})[1]
    assert "has the unknown key " in fault


@examples(100)
@given(st.lists(st.dictionaries(st.one_of(st.sampled_from(sorted(CAMEL)), TEXTS), ANY), min_size=1, max_size=3))
def test_any_grants_are_read_or_refused(grants: list[dict[str, Any]]) -> None:
    found, told = parse({**BASE, "grants": json.dumps([{**LEAST, **each} for each in grants])})
    assert (found is None) == bool(told)
    for grant in found.grants if found else ():
        assert isinstance(grant, GrantSpec) and grant.sources and grant.name.isprintable()


def test_a_thousand_grants_with_a_thousand_sources_are_no_matter() -> None:
    sources = [f"client-{number % 900}" for number in range(1000)]
    _, told = parse(
        {**BASE, "grants": json.dumps([{**LEAST, "name": f"g{n}", "sources": sources} for n in range(100)])}
    )
    assert len(told) == 100 * 100


# Arguments of TokenExchangeGrant

ARGUMENTS = [
    each
    for each in inspect.signature(TokenExchangeGrant).parameters
    if each not in ("name", "connection", "planned", "shared", "opts")
]


MAY_BE_LATE = ("target", "requester", "realm")


class Accepted(Exception):
    """The input was good; the server would be asked next."""


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection("https://keycloak.test", PasswordLogin("admin", "pw"))
    stack = Settings(connection, "r", {"realm": "r", "exchange": "auto", "owner": "org/project/stack"}, ())

    def accept(*_: object) -> None:
        raise Accepted

    monkeypatch.setattr(token_exchange_grant, "read_settings", lambda **_: stack)
    monkeypatch.setattr(token_exchange_grant, "plan_together", accept)
    monkeypatch.setattr(_base, "derive_uuids", lambda *_: None)
    monkeypatch.setattr(KeycloakProvider, "realm", accept)


def grant_faults(name: Any, arguments: Mapping[str, Any]) -> list[str]:
    """What is wrong with a component's arguments; none if they are a grant."""
    try:
        TokenExchangeGrant(name, **arguments)
    except pulumi.RunError as refused:
        return well_formed(str(refused).split("\n"), GRANT_FAULT)
    except Accepted:
        return []
    raise AssertionError


@pytest.mark.parametrize("argument", ["name", *ARGUMENTS])
def test_a_bad_argument_of_a_grant(argument: str) -> None:
    good = {"sources": ["frontend"], "target": "api"}
    camel = next(key for key, field in CAMEL.items() if field == argument)
    late = pulumi.Output.from_input("x")  # good for a client and its realm
    for value in [*bad_values(argument), object(), b"x", 5 if argument in ("name", *MAY_BE_LATE) else late]:
        arguments = {"name": "g", **good, argument: value}
        told = grant_faults(arguments.pop("name"), arguments)
        assert named(told, argument) or named(told, camel), (value, told)


@examples(100)
@given(st.dictionaries(st.sampled_from(ARGUMENTS), ANY), st.one_of(st.just("g"), ANY))
def test_any_arguments_of_a_grant_are_taken_or_refused(arguments: dict[str, Any], name: Any) -> None:
    grant_faults(name, {"sources": ["frontend"], "target": "api", **arguments})


# Inputs of resources


LATE = next(each.least or {} for each in RESOURCES.values() if each.resource == "GrantCheck")


def resource_of(provider: type[Any]) -> Any:
    """The resource that people write, beside its provider."""
    return getattr(inspect.getmodule(provider), provider.__name__.removesuffix("Provider"), None)


PROVIDERS = sorted(
    (each for each in classes(KeycloakProvider) if not inspect.isabstract(each) and resource_of(each)),
    key=lambda each: each.__name__,
)


@functools.cache
def signature(provider: type[Any]) -> Mapping[str, inspect.Parameter]:
    """The inputs of a provider's resource."""
    parameters = inspect.signature(resource_of(provider)).parameters
    return {name: each for name, each in parameters.items() if name not in ("resource_name", "opts")}


def kind(parameter: inspect.Parameter) -> str:
    """text, flag, number, list or other, from an annotation such as ``pulumi.Input[str] | None``."""
    hint = parameter.annotation
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    lists = any(inspect.isclass(get_origin(each)) and get_origin(each).__name__ == "Sequence" for each in parts)
    names = {bool: "flag", str: "text", int: "number"}
    return "list" if lists else next((name for type_, name in names.items() if type_ in parts), "other")


def least(provider: type[Any]) -> dict[str, Any]:
    """A value of the right type for each input that must be given."""
    good = {"text": "x", "flag": True, "number": 60, "list": ["11111111-2222-3333-4444-555555555555"]}
    exact = {"policy_type": "script-x.js", "hour": 9, **{name: LATE[name] for name in ("fields", "names", "ids")}}
    return {name: value for name, value in exact.items() if name in signature(provider)} | {
        name: provider.CHOICES[name][0] if name in provider.CHOICES else good.get(kind(each))
        for name, each in signature(provider).items()
        if each.default is each.empty and NoneType not in get_args(each.annotation) and name not in exact
    }


def check(provider: type[Any], props: Mapping[str, Any]) -> list[str]:
    """What a provider refuses."""
    try:
        checked = provider().check({}, {"owner": "o", **props})
    except Accepted:
        return []
    if not checked.failures:
        return []
    assert all(failure.property == "" for failure in checked.failures), "else Pulumi prints the value"
    return well_formed((failure.reason for failure in checked.failures), rf"{provider.OBJECT} .*(in|of) realm .+")


def bad_inputs(provider: type[Any], field: str, wanted: str) -> list[Any]:
    """What an input of a resource must refuse."""
    names = [text for text in NO_NAMES if field != "owner" or len(text) < 256]
    if wanted == "text":
        prose = field in ("description", "display_name", "icon_uri")
        needed = [None] if field in least(provider) and field != "owner" else []
        return [*NO_TEXTS, *(["a\x00b", "\ud800", "x" * 256] if prose else names), *needed]
    if wanted == "flag":
        return [*(each for each in NO_TEXTS if not isinstance(each, bool)), *names, "true", "false"]
    if wanted == "number":
        return [1.5, True, False, *(each for each in NO_TEXTS if not isinstance(each, (int, float))), *names]
    in_list = [text for text in names if text.strip() or field != "groups"]  # a path is given its slash first
    return [*(each for each in NO_TEXTS if each != []), *names, *([text] for text in in_list), ["x", 5]]


@pytest.mark.parametrize("provider", PROVIDERS, ids=[each.__name__ for each in PROVIDERS])
def test_a_bad_input_of_a_resource(provider: type[Any]) -> None:
    kinds = {field: kind(each) for field, each in signature(provider).items() if kind(each) != "other"}
    for turn, (field, wanted) in enumerate(kinds.items(), PROVIDERS.index(provider)):
        values = bad_inputs(provider, field, wanted)
        for value in values if TIMES > 1 else values[turn % SHARE :: SHARE]:
            told = check(provider, {**least(provider), field: value})
            assert named(told, field), (field, value, told)


@examples(150)
@given(st.sampled_from(PROVIDERS), st.data())
def test_any_inputs_of_a_resource_are_taken_or_refused(provider: type[Any], data: st.DataObject) -> None:
    unknown = st.one_of(ANY, st.just(UNKNOWN), st.lists(st.one_of(ANY, st.just(UNKNOWN)), max_size=2))
    drawn = data.draw(st.dictionaries(st.sampled_from(sorted(signature(provider))), unknown))
    check(provider, {**least(provider), **drawn})
    check(provider, drawn)


def test_what_these_tests_take_for_good_is() -> None:
    assert grant_faults("g", {"sources": ["frontend"], "target": "api"}) == []
    assert parse({**BASE, "grants": json.dumps([LEAST])})[0]
    for provider in PROVIDERS:
        one_of = [name for name in ("included_client", "requesters") if name in signature(provider)]
        some = {name: "x" if kind(signature(provider)[name]) == "text" else ["x"] for name in one_of}
        assert check(provider, {**least(provider), **some}) == [], provider
