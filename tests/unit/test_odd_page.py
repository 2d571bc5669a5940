"""docs/odd.md has each sentence that people meet of addresses, logins, features, files and names, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from grants import odd
from kcadmin.objects import features, near_names
from kcadmin.rest import addresses, errors, missing_features, missing_roles, proxies, refused_logins, tls
from kcadmin.rest.odd import Odd
from local.layout import PROJECT
from providers.base.stack_config import UNREAD
from providers.base.taken_names import TWICE

ODD: tuple[Odd, ...] = (
    *addresses.ODD,
    *errors.ODD,
    *proxies.ODD,
    *tls.ODD,
    *refused_logins.ODD,
    *missing_roles.ODD,
    *missing_features.ODD,
    *odd.ODD,
    UNREAD,
    *near_names.ODD,
    *features.ODD,
    TWICE,
)
PAGE = (PROJECT / "docs" / "odd.md").read_text(encoding="utf-8")
SECTIONS = [each.split("\n\n", 2) for each in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]]
SYMPTOMS = {name: " ".join(symptom.split()) for name, symptom, _ in SECTIONS}
TELLING = (
    *sorted((PROJECT / "kcadmin" / "rest").glob("*.py")),
    *(PROJECT / "grants" / f"{each}.py" for each in ("grant_file", "listed")),
    *(PROJECT / "kcadmin" / f"{each}.py" for each in ("objects/features", "objects/realm", "guards/admission")),
    *(PROJECT / "reach" / f"{each}.py" for each in ("among_clients", "prediction", "refusals", "subject_tokens")),
    *(PROJECT / "reach" / f"{each}.py" for each in ("surroundings", "survey")),
    PROJECT / "exchange" / "verify" / "verify.py",
    PROJECT / "providers" / "base" / "taken_names.py",
)
"""Modules whose sentences for people are here, too."""
OF_CONFIG = re.compile(r"(config|environment variable) |\{\}: is \{\}; (set it to true or false|choose one of)")


def words(text: str) -> list[str]:
    """The fixed parts of a sentence."""
    fixed = (part.strip(" ,:;.()'") for part in re.split(r"\{\w*\}", text))
    return [part for part in fixed if len(part) > 3]


def sentences(module: Path) -> Iterator[str]:
    """What is wrong, of each text of a module that says what to do about it, too. ``{}`` stands for a value."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    inside = {id(part) for each in ast.walk(tree) if isinstance(each, ast.JoinedStr) for part in each.values}
    inside |= {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    inside |= {id(given) for each in ast.walk(tree) if _is_odd(each) for given in ast.walk(each)}
    for each in ast.walk(tree):
        parts = each.values if isinstance(each, ast.JoinedStr) else [each]
        if id(each) not in inside and isinstance(each, ast.JoinedStr | ast.Constant):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
            wrong, _, remedy = text.partition("; ")
            if remedy and words(wrong) and not OF_CONFIG.match(text):
                yield wrong


def _is_odd(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == Odd.__name__


def places(wrong: str) -> set[str]:
    """The sections whose symptom has a sentence."""
    return {name for name, symptom in SYMPTOMS.items() if all(part in symptom for part in words(wrong))}


TOLD = {wrong: places(wrong) for module in TELLING for wrong in sentences(module)}


def test_sentences_are_found() -> None:
    assert len(TOLD) > 30


@pytest.mark.parametrize("wrong", TOLD)
def test_every_sentence_has_its_place_on_the_page(wrong: str) -> None:
    """A new one: write a section, or an ``Odd``."""
    assert TOLD[wrong], wrong


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_every_odd_has_its_section(odd: Odd) -> None:
    (cause,) = [cause for name, _, cause in SECTIONS if name == odd.name]
    assert odd.name in places(odd.wrong), (odd.wrong, SYMPTOMS[odd.name])
    assert cause.strip()


def test_the_page_has_nothing_else() -> None:
    assert len(SYMPTOMS) == len(SECTIONS)
    assert set(SYMPTOMS) == {odd.name for odd in ODD} | {"config-value"}.union(*TOLD.values())


ROLES = re.findall(r"^\| (.+) \| (`.*`) \| (.*?) ?\|$", PAGE, re.MULTILINE)
BELOW = {
    "a realm role mapped": "/clients/x/scope-mappings/realm",
    "authorization services": "/clients/x/authz/resource-server/policy",
    "their export": "/clients/x/authz/resource-server/settings",
    "an example token": "/clients/x/evaluate-scopes/generate-example-access-token",
}
"""The paths of requests that the page describes in words."""


@pytest.mark.parametrize(("request_", "read", "write"), ROLES, ids=lambda each: each[:20])
def test_the_page_has_the_roles_of_each_request(request_: str, read: str, write: str) -> None:
    of_words = [path for words, path in BELOW.items() if request_.startswith(words)]
    paths = of_words or [f"/{name}/x" for name in re.findall("`(.+?)`", request_)]
    paths += [""] if "the realm itself" in request_ else []
    assert paths
    for path in paths:
        assert missing_roles.roles_needed("GET", f"/admin/realms/r{path}") == tuple(re.findall("`(.+?)`", read))
        if write:
            assert missing_roles.roles_needed("PUT", f"/admin/realms/r{path}") == tuple(re.findall("`(.+?)`", write))


@pytest.mark.parametrize(
    ("why", "odd"),
    [
        ("Tunnel connection failed: 407 Proxy Authentication Required", proxies.LOGIN),
        ("HTTPSConnectionPool(host='keycloak', port=14071): Read timed out.", proxies.NO_WAY),
        ("Missing dependencies for SOCKS support.", proxies.UNFIT),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", proxies.NO_WAY),
    ],
)
def test_a_port_is_no_status_of_a_proxy(why: str, odd: Odd) -> None:
    proxy = proxies.Proxy("https://keycloak:14071", {"https": "http://proxy:3128"})
    assert proxy.fault(why).name == odd.name


def test_which_variable_names_the_proxy_and_how_it_is_unfit() -> None:
    proxy = proxies.Proxy("https://keycloak:14071", {"all": "https://proxy:3128", "http": "http://other:3128"})
    told = proxy.fault("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)")
    assert told.remedy == "write ALL_PROXY as http://PROXY:PORT, or http://USER:PASSWORD@PROXY:PORT"


def test_a_file_of_authorities_that_is_none(tmp_path: Path) -> None:
    file, environ = str(tmp_path / "ca.pem"), {"CURL_CA_BUNDLE": str(tmp_path / "ca.pem")}
    told = tls.unfit_bundle(file, environ)
    assert told and told.wrong == f"CURL_CA_BUNDLE is '{file}', which is not a readable file of PEM certificates"
    Path(file).write_text("no certificate")
    assert tls.unfit_bundle(file, environ) == told
    assert tls.unfit_bundle(file, {}) is tls.unfit_bundle(True, environ) is tls.unfit_bundle(certifi.where()) is None
