"""Reports: readable at 100 columns, whole in a pipe, and never with a token."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from exchange import report
from kcadmin.proof import Case, Claims, Subject, Verdict

FRONTEND, API = "authentication-test-frontend", "authentication-test-api"
CASE = Case("frontend-to-api", "secure-test", "standard", "recipient", FRONTEND, API, API)
SUBJECT = Claims("70bc5581-cc57", FRONTEND, (API, "account"), "iss", 2, 1, "email", "onrtro:1")
EXCHANGED = replace(SUBJECT, azp=API, jti="onrtte:2")
PROVED = Verdict(CASE, Subject("testuser2", "pw"), True, None, False, SUBJECT, EXCHANGED)
ASKED = replace(CASE, flow="requester", requester=FRONTEND, audience=API)
REFUSED = Verdict(
    ASKED,
    Subject("testuser2", "pw"),
    False,
    "403 access_denied: Client is not within the token audience",
    True,
    SUBJECT,
)
NOT_PROVED = Verdict(replace(CASE, exchange_scope="api-scope"), None, False, "no\nservice [account]")
ALL = (PROVED, REFUSED, NOT_PROVED)


def drawn(width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(report.as_table(ALL, width))
    return captured.get().splitlines()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_table_is_whole_and_fits(width: int) -> None:
    lines = drawn(width)
    assert max(len(line) for line in lines) <= width
    words = " ".join(" ".join(lines).split())
    assert "…" not in words and words.count("sub 70bc5581") == 3
    for word in ("proved", "refused", "not proved", "same)", "[account]", "none asked", "api-scope"):
        assert word in words


def test_a_wide_table_breaks_no_name() -> None:
    words = "\n".join(drawn(160))
    for name in (
        f"caller {API}",
        f"audience {API}",
        f"azp {FRONTEND}",
        f"aud {API}",
        "    account",
        "recipient, standard",
    ):
        assert name in words


def test_a_narrow_table_breaks_names_at_hyphens_and_indents() -> None:
    lines = [line.split("  ")[0] for line in drawn(100)]
    assert "caller authentication-test-" in lines


def test_lines_for_a_pipe() -> None:
    proved, refused, not_proved = report.as_lines(ALL)
    assert proved == (
        f"proved: grant=frontend-to-api flow=recipient exchange=standard source={FRONTEND} caller={API} "
        f"audience=none subject: sub=70bc5581 azp={FRONTEND} aud={API},account "
        f"exchanged: sub=70bc5581 azp={API} aud={API},account"
    )
    assert refused.startswith("refused: ") and f"caller={FRONTEND} audience={API}" in refused
    assert refused.endswith("reason: 403 access_denied: Client is not within the token audience")
    assert not_proved.startswith("not proved: ") and not_proved.endswith("reason: no service [account]")


def test_json_holds_the_claims() -> None:
    proved, refused, not_proved = json.loads(report.as_json(ALL))
    assert proved["proved"] and proved["result"] == "proved" and proved["subject"] == "user testuser2"
    assert proved["exchangedToken"]["aud"] == [API, "account"] and proved["exchangedToken"]["answered"] == "standard"
    assert refused["exchangedToken"] is None and refused["reason"].startswith("403") and refused["audience"] == API
    assert not_proved["subject"] is None and not_proved["exchangeScope"] == "api-scope"
    assert "pw" not in report.as_json(ALL)


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (
            [PROVED, PROVED],
            "2 of 2 exchanges proved against Keycloak at http://k (realm secure-test) as user testuser2.",
        ),
        ([REFUSED], "0 of 1 exchange proved against Keycloak at http://k (realm secure-test) as user testuser2."),
        (
            [replace(PROVED, subject=Subject())],
            f"1 of 1 exchange proved against Keycloak at http://k (realm secure-test) as the service account of {FRONTEND}.",
        ),
        (
            [PROVED, replace(NOT_PROVED, case=replace(CASE, realm="other"))],
            "1 of 2 exchanges proved against Keycloak at http://k (realms secure-test, other) as user testuser2.",
        ),
        ([], "No grants in this stack: nothing to prove."),
    ],
)
def test_summary(verdicts: list[Verdict], words: str) -> None:
    assert report.summary(verdicts, "http://k") == words
