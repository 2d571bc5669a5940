"""Reports: readable at 100 columns, whole in a pipe, and never with a token."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from exchange.verify import deny_report, report
from exchange.verify.deny import IMPLIED, NOT_TRIED, UNDECLARED, Denial
from exchange.verify.deny import REFUSED as DENIED
from reach.exchanges import Exchange
from reach.proof import Case, Claims, Subject, Verdict

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
FORESEEN = replace(
    PROVED, proved=False, dry=True, outlook=True, basis=("the switch of 'x' is on",), unknown=("a role",)
)
BY_MAPPERS = Claims("", FRONTEND, (API,), "", 0, 0, "", "")


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
        f"audience=none subject: sub=70bc5581 azp={FRONTEND} aud={API},account lifetime=1 "
        f"exchanged: sub=70bc5581 azp={API} aud={API},account lifetime=1"
    )
    assert refused.startswith("refused: ") and f"caller={FRONTEND} audience={API}" in refused
    assert refused.endswith("reason: 403 access_denied: Client is not within the token audience")
    assert not_proved.startswith("not proved: ") and not_proved.endswith("reason: no service [account]")


def test_scopes_are_shown_where_they_differ_and_lifetimes_always() -> None:
    wider = replace(PROVED, exchanged_claims=replace(EXCHANGED, scope="email phone"), notes=("wider by scope 'phone'",))
    console = Console(width=160, file=io.StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(report.as_table([wider, PROVED], 160))
    shown = captured.get()
    assert shown.count("lives 1 s") == 4 and shown.count("scope email") == 2 and "scope email phone" in shown
    assert "wider by scope 'phone'" in shown and report.as_lines([wider])[0].endswith("note: wider by scope 'phone'")


@pytest.mark.parametrize(("outlook", "word"), [(True, "would work"), (False, "would fail"), (None, "not known")])
def test_a_dry_run_is_said_to_be_one(outlook: bool | None, word: str) -> None:
    dry = replace(FORESEEN, outlook=outlook, reason=None if outlook else "why")
    (line,) = report.as_lines([dry])
    assert line.startswith(f"{word}: grant=") and line.endswith("(dry run: predicted, not proved)")
    assert "because: the switch of 'x' is on" in line and "cannot be seen: a role" in line
    (found,) = json.loads(report.as_json([dry]))
    assert (found["result"], found["proved"], found["dryRun"]) == (word, False, True)
    assert report.summary([dry], "http://k").startswith(
        f"Dry run: predicted, not proved: of 1 exchange 1 {word} against"
    )
    mixed = report.summary([PROVED, dry], "http://k")
    assert mixed.startswith("1 of 1 exchange proved against")
    assert mixed.endswith(f"; of 1 exchange 1 {word} (dry run: predicted, not proved).")


def test_of_a_token_predicted_by_mappers_only_the_audience_is_shown() -> None:
    console = Console(width=160, file=io.StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(report.as_table([replace(FORESEEN, subject_claims=BY_MAPPERS, exchanged_claims=None)], 160))
    assert f"aud {API}" in captured.get() and "sub" not in captured.get().replace("Subject", "")


def test_what_no_grant_declares() -> None:
    hole = Denial("r", Exchange("a", "b", "c"), UNDECLARED, ("the switch of 'a' is on", "a mapper"))
    implied, refused = Denial("r", Exchange("a", "b", None), IMPLIED), Denial("r", Exchange("b", "a", None), DENIED)
    untried = [Denial("r", Exchange("a", "d", each), NOT_TRIED, ("no token of 'd': no.",)) for each in "bc"]
    lines = [line for line, _ in deny_report.lines([refused, implied, *untried, hole])]
    assert lines == [
        "undeclared: 'a' turns a token of 'b' into one for 'c' (realm r): the switch of 'a' is on; a mapper",
        "implied: 'a' turns a token of 'b' into one for itself (realm r)",
        "not tried: 2 in realm r, which its settings would refuse, or which are implied: no token of 'd': no.",
    ]
    assert deny_report.summary([refused, implied, *untried, hole]) == (
        "5 exchanges that no grant declares: 1 refused, 1 implied by the grants, 1 allowed though undeclared, 2 not tried."
    )
    found = json.loads(report.as_json([PROVED], deny_report.objects([hole, implied])))
    assert [each["proved"] for each in found] == [True, False, True] and found[1]["because"][1] == "a mapper"


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
