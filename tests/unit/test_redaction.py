"""What is secret is cut out of a server's text in whatever form, and the rest stays readable."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.rest.redaction import LEFT_OUT, LONGEST_SAID, redacted
from tests.support.examples import examples

SECRET = 'pA ss/w+ord"<&ä%\\end'
TOKEN = jwt.encode({"sub": "alice"}, "k" * 32, "HS256")
PEM = (
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0\nwawIBAQQgshort\n-----END PRIVATE KEY-----\n"
)
FORMS = {
    "plain": SECRET,
    "URL": quote(SECRET),
    "URL, all": quote(SECRET, safe=""),
    "URL, lower case": quote_plus(SECRET).lower().replace("pa", "pA", 1),
    "form": quote_plus(SECRET),
    "URL twice": quote(quote(SECRET, safe=""), safe=""),
    "JSON": json.dumps(SECRET),
    "JSON, not ASCII": json.dumps(SECRET, ensure_ascii=False),
    "JSON in JSON": json.dumps(json.dumps(SECRET)),
    "HTML": html.escape(SECRET),
    "hex": SECRET.encode().hex(),
    "Base64": base64.b64encode(SECRET.encode()).decode(),
    "Base64 of a login": base64.b64encode(f"admin:{SECRET}".encode()).decode(),
    "Base64 of a form": base64.urlsafe_b64encode(f"a=1&p={SECRET}&c=d".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_known_secret_in_every_form(form: str) -> None:
    said = redacted(f"before {FORMS[form]} after", [SECRET])
    assert said.startswith("before ") and said.endswith(" after") and LEFT_OUT in said
    assert "ord" not in said and "end" not in said and "cGF" not in said


@pytest.mark.parametrize(
    "text",
    [
        f"Bearer {TOKEN}",
        f"token {TOKEN} is bad",
        f"a={TOKEN}&b=1",
        f"{TOKEN[:40]}",
        f"Bearer {'a' * 40}",
        "Authorization: Basic YWRtaW46aHVudGVyMg==",
        "grant_type=password&password=hunter2&username=admin",
        "client_id=x&client_secret=s",
        'body {"refresh_token": "hunter2", "a": 1}',
        'body {\\"client_assertion\\": \\"hunter2\\"}',
        "Set-Cookie=hunter2",
        PEM,
        PEM.replace("\n", "\\n"),
    ],
)
def test_what_looks_secret_is_cut_without_being_known(text: str) -> None:
    said = redacted(text)
    assert LEFT_OUT in said
    for hush in ("hunter2", TOKEN[:12], "aaaaaaaaaaa", "YWRtaW", "MIGHAg", "=s"):
        assert hush not in said


@pytest.mark.parametrize(
    "text",
    [
        "Client is not within the token audience",
        "invalid_grant: Invalid user credentials",
        "Requested audience not available: orders, billing",
        "Invalid password: minimum length 8",
        "Bearer token required",
        "Client 'shop' in realm 'r': Protocol mapper exists with same name",
        "Could not resolve keycloak-service.production-namespace.svc.cluster.local",
        "no description",
    ],
)
def test_keycloaks_own_words_stay(text: str) -> None:
    assert redacted(text, [SECRET, "pw", "s"]) == text


def test_a_short_secret_is_a_word() -> None:
    assert redacted("you sent hunter2, and hunter20", ["hunter2"]) == f"you sent {LEFT_OUT}, and hunter20"


def test_what_is_left_out_is_left_out_once() -> None:
    assert redacted(f"?password={SECRET}&x=1", [SECRET]) == f"?password={LEFT_OUT}&x=1"


def test_the_lines_of_a_key() -> None:
    for line in PEM.splitlines()[1:2]:
        assert line not in redacted(f"bad key: {line}!", [PEM])


def test_a_text_is_shortened() -> None:
    assert redacted("x y " * 10_000) == ("x y " * 10_000)[:LONGEST_SAID] + "…"


@examples(200)
@given(st.text(), st.text(min_size=8), st.text())
def test_no_secret_is_left(before: str, secret: str, after: str) -> None:
    if secret not in LEFT_OUT:
        assert (
            secret not in redacted(f"{before}{secret}{after}".replace(LEFT_OUT, ""), [secret])
            or secret in before + after
        )
