"""Each answer of the token endpoint, in each form that people have it, leads to its causes."""

import json
import re
from pathlib import Path

import pytest

from exchange import doctor
from exchange.doctor.error_catalogue import BOTH, HEADINGS, REQUEST, ROWS, Row
from exchange.doctor.error_texts import Reading, read_error, read_event
from local.layout import PROJECT

LOOKS = ["audience", "clients", "finding", "guards", "mappers", "permission", "policies", "request"]
CHECKS = "\n".join(Path(str(doctor.__file__)).with_name(f"{name}.py").read_text() for name in LOOKS)
NAMES = {
    "audience": "api",
    "claim": "azp",
    "client": "frontend",
    "held": "profile, email",
    "parameter": "requested_subject",
    "scopes": "phone",
    "why": "Signature on JWT token failed validation",
}
ALL = {cause for row in ROWS for cause in row.causes} | {cause for causes in HEADINGS.values() for cause in causes}


def said(row: Row) -> str:
    return row.description.format(**NAMES)


def exchange_of(row: Row) -> str | None:
    return None if row.exchange == BOTH else row.exchange


def ids(row: Row) -> str:
    return f"{row.status} {row.error} {row.description[:40]} {row.causes[0]}"


def read(text: str, exchange: str | None = None) -> Reading:
    found = read_error(text, exchange)
    assert found, text
    return found


def leads_to(found: Reading, row: Row) -> bool:
    return set(row.causes) <= set(found.causes)


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_row_is_found_in_each_form(row: Row) -> None:
    answer = {"error": row.error, **({"error_description": said(row)} if row.description else {})}
    texts = [
        json.dumps(answer),
        f"HTTP/1.1 {row.status}\r\nContent-Type: application/json\r\n\r\n{json.dumps(answer, indent=2)}",
        f"{row.status} {row.error}: {said(row)}",
        *([said(row), said(row).upper()] if row.description else []),
    ]
    for text in texts:
        assert leads_to(read(text, exchange_of(row)), row), text
    exact = read(texts[1], exchange_of(row))
    assert all(one.error == row.error and one.description == row.description for one in exact.rows)


@pytest.mark.parametrize("row", [row for row in ROWS if row.event], ids=ids)
def test_each_event_is_found(row: Row) -> None:
    assert row.event
    reason = row.event.reason.format(**NAMES)
    found = read_event(row.event.error, reason, exchange_of(row))
    assert found and leads_to(found, row)
    line = f'type="TOKEN_EXCHANGE_ERROR", clientId="api", error="{row.event.error}", reason="{reason}"'
    if reason and reason != "client_policy_error":
        assert leads_to(read(line, exchange_of(row)), row)


@pytest.mark.parametrize(
    ("heading", "first"),
    [
        ("Client is not within the token audience", "mapper-off"),
        ("Client not allowed to exchange", "switch-off"),
        ("invalid_client", "requester-missing"),
        ("Token exchange not enabled", "switch-off"),
        ("Scope not found", "guide-objects"),
    ],
)
def test_the_headings_of_the_guide(heading: str, first: str) -> None:
    assert read(heading).causes[0] == first
    assert read(f"  Error: {heading}\n").causes == read(heading).causes


def test_every_cause_is_checked_or_the_callers_own() -> None:
    for cause in ALL:
        assert (cause in REQUEST) != (f'"{cause}"' in CHECKS.replace('q.may_be("', "")), cause
    assert set(REQUEST) <= ALL


WITHOUT_AN_ERROR = {
    "organization-left-out",
    "switch-on",  # the standard exchange answers: a token, or an error of its own
    "user-missing",  # nobody asks the token endpoint for it
    "guard-mark-borrowed",  # lets an exchange through
    "guard-mark-computed",
}


def test_every_finding_of_a_check_may_come_of_an_error() -> None:
    made = r'(?:q\.found|_field|_at|_found|_not_before|_Match)\(\s*(?:False, |None, |True, )?(?:q, )?(?:naming, )?"([a-z-]+)"'
    found = {*re.findall(made, CHECKS)}
    assert len(found) > 40 and found <= ALL | WITHOUT_AN_ERROR


def test_every_cause_that_is_checked_is_in_the_document() -> None:
    document = (PROJECT / "docs" / "doctor.md").read_text()
    assert [cause for cause in sorted(ALL - set(REQUEST)) if f"`{cause}`" not in document] == []
    told = {
        *re.findall(r"`([a-z]+(?:-[a-z]+)+)`", document.split("## The causes it knows")[1].split("The whole table")[0])
    }
    assert told <= ALL | WITHOUT_AN_ERROR


def test_names_are_read_out_of_the_text() -> None:
    assert read('{"error":"invalid_scope","error_description":"Invalid scopes: phone nonesuch"}').values == {
        "scopes": "phone nonesuch"
    }
    assert read("Requested audience not available: api\n").values == {"audience": "api"}
    assert read("Parameter 'requested_issuer' is not supported for standard token exchange").values == {
        "parameter": "requested_issuer"
    }


def test_the_exchange_tells_rows_apart() -> None:
    text = "403 access_denied: Client not allowed to exchange"
    assert read(text, "legacy").exchanges == {"legacy"}
    assert read("Invalid token", "legacy").exchanges == {BOTH}
    both = read('{"error": "unauthorized_client", "error_description": "Invalid client or Invalid client credentials"}')
    assert both.causes[0] == "requester-secret"
    assert read("Invalid token type, must be access token").causes == ("subject-token-of-another-type",)


DEEP = ('{"a":' * 20_000, "[" * 20_000, '{"a":[' * 200_000, '{"error":' * 900, '{"a": "' * 20_000)


@pytest.mark.parametrize("text", ["", "nonesuch", "{", '{"error": 3}', '{"access_token": "x"}', "[1, 2]", *DEEP])
def test_what_no_server_says(text: str) -> None:
    assert read_error(text) is None


def test_a_text_is_never_repeated() -> None:
    found = read("subject_token=eyJsecret&x=y\nInvalid token")
    assert "eyJsecret" not in repr(found) and found.title == "Invalid token"
