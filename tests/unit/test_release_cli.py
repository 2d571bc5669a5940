"""``python -m exchange release``: what is shown, who is asked, and exit codes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from exchange import cli
from exchange.release import command as release_command
from exchange.release import release
from exchange.release.removal import Released
from exchange.stack import place
from kcadmin.marks.ownership import hash16
from reach.leftovers import Leftover, LeftoverKind, crowds

OWNER = "first/exchange/prod"
MAPPER = Leftover(LeftoverKind.MAPPER, "web", "audience-api", OWNER, "id")
SWITCH = Leftover(LeftoverKind.SWITCH, "web", "", OWNER)
FOUND = release.Leavings("r", OWNER, (MAPPER, SWITCH), {"other": 3}, ("'web' exchanges tokens of 'web' for 'api'",))
ONE_REALM = ("--url", "https://kc.example", "--realm", "r")


def run(
    monkeypatch: pytest.MonkeyPatch,
    *arguments: str,
    found: release.Leavings = FOUND,
    done: tuple[Released, ...] = (Released(MAPPER), Released(SWITCH)),
    at: tuple[str, ...] = ONE_REALM,
) -> Result:
    monkeypatch.setattr(release, "find", lambda session, realm, owner, progress, **adoption: found)
    monkeypatch.setattr(release, "take_away", lambda session, found, progress, own, accepted: list(done))
    environ = {"KEYCLOAK_ADMIN_PASS": "pw-admin", "KEYCLOAK_URL": None}
    return CliRunner().invoke(cli.app, ["release", *at, *arguments], env=environ, prog_name="exchange")


@pytest.mark.parametrize("arguments", [(), ("--dry-run", "--yes")])
def test_without_a_yes_it_is_only_shown(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    result = run(monkeypatch, "--owner", OWNER, *arguments)
    assert result.exit_code == 3
    assert result.stdout.splitlines() == [
        f"realm 'r': owner '{OWNER}' has 2 things",
        "  audience mapper 'audience-api' of client 'web'",
        "  standard token exchange of client 'web'",
        "  ends: 'web' exchanges tokens of 'web' for 'api'",
    ]
    assert result.stderr == "Nothing was changed; --yes removes it.\n"


def test_owners_that_somebody_makes_up_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may write one client decides how many claims it holds; an owner with something elsewhere is told alone."""
    forged = [Leftover(LeftoverKind.SWITCH, "evil", "", f"stranger{number}") for number in range(1000)]
    theirs = Leftover(LeftoverKind.MAPPER, "web", "m", "theirs")
    found = crowds([*forged, theirs, replace(theirs, client="evil")])
    others = {**dict.fromkeys(found, 1), "theirs": 2}
    result = run(monkeypatch, found=replace(FOUND, left=(SWITCH, SWITCH), others=others, crowds=found), at=ONE_REALM)
    assert "  standard token exchange of client 'web' (2 ×)" in result.stdout.splitlines()
    nobodys = replace(FOUND, owner="", left=(), others=others, crowds=found)
    told = run(monkeypatch, found=nobodys).stdout.splitlines()
    assert len(told) == 2 and "1000 owners have things at client 'evil': 'stranger0', " in told[0]
    assert "owner 'theirs' has 2 things" in told[1]


def test_after_a_yes_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, "--owner", OWNER, "--yes")
    assert result.exit_code == 0 and result.stdout.endswith("Released 2 things.\n")


def test_what_stays_is_said_and_what_fails_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    done = (Released(MAPPER, fault="cannot be given back."), Released(SWITCH, stays="stays as it is for 'other'"))
    result = run(monkeypatch, "--owner", OWNER, "--yes", "--json", done=done)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "note: standard token exchange of client 'web': stays as it is for 'other'.",
        "error: audience mapper 'audience-api' of client 'web': cannot be given back.",
    ]
    said = json.loads(result.stdout)
    assert said["owner"] == OWNER and said["realms"][0]["otherOwners"] == {"other": 3}
    assert [each["what"] for each in said["realms"][0]["left"]] == ["audience mapper", "standard token exchange"]
    assert said["released"][0]["fault"] == "cannot be given back."


def test_what_client_policies_would_change_is_refused_unless_it_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "client 'web' in realm 'r': client policy 'secure' would change consentRequired."
    refused = replace(FOUND, refused=(said,), told=("note on client 'api'.", "only the server can tell."))
    result = run(monkeypatch, "--owner", OWNER, "--yes", found=refused)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "note on client 'api'.",
        "warning: only the server can tell.",
        f"error: {said}",
        "Nothing was changed.",
    ]
    assert run(monkeypatch, "--owner", OWNER, "--dry-run", found=refused).exit_code == 3
    shown = json.loads(run(monkeypatch, "--owner", OWNER, "--json", found=refused).stdout)
    assert shown["realms"][0]["policyChanges"] == [said, *refused.told] and shown["released"] is None
    unknown = run(monkeypatch, "--owner", OWNER, "--accept-policy-changes", "consentRequired, consent")
    assert (
        unknown.exit_code == 2 and "'consent' is not a field that client policies change; choose from" in unknown.stderr
    )


def test_owners_are_listed_with_a_command_that_a_shell_takes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, found=release.Leavings("r", "", (), {"a; rm -rf ~": 1}))
    assert result.exit_code == 0
    assert "`python -m exchange release --owner 'a; rm -rf ~'` shows them" in result.stdout


def test_the_stacks_own_owner_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state = {"deployment": {"resources": [{"type": "pulumi-python:dynamic/keycloak:AudienceMapper", "urn": "u",
             "outputs": {"realm": "r", "owner": "former#grant"}}]}}  # fmt: skip
    config = {
        f"keycloak-token-exchange:{key}": {"value": value}
        for key, value in {"url": "https://kc.example", "realm": "r", "owner": OWNER}.items()
    }
    answers = {"config": json.dumps(config), "stack": json.dumps(state)}
    monkeypatch.setattr(place, "run_pulumi", lambda arguments: answers[arguments[0]])
    for own in (OWNER, f"{OWNER}#grant", "former"):
        result = run(monkeypatch, "--owner", own, "--stack", "s", at=())
        assert result.exit_code == 2 and "run `pulumi destroy --stack s`" in result.stderr
    listed = run(monkeypatch, "--stack", "s", at=(), found=release.Leavings("r", "", (), {OWNER: 4, "other": 1}))
    assert f"owner '{OWNER}' has 4 things; they are this stack's own\n" in listed.stdout
    assert "--owner other` shows them" in listed.stdout
    assert run(monkeypatch, "--owner", "another", "--stack", "s", at=()).exit_code == 3
    hashed = run(monkeypatch, "--owner", hash16("former#grant"), "--stack", "s", at=())
    assert hashed.exit_code == 2 and "is the owner of this stack itself" in hashed.stderr
    assert run(monkeypatch, "--owner", " ").exit_code == 2


def test_what_is_taken_over_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {
        f"keycloak-token-exchange:{key}": {"value": value}
        for key, value in {"url": "https://kc.example", "realm": "r", "owner": "mine"}.items()
    }
    answers = {"config": json.dumps(config), "stack": "{}"}
    monkeypatch.setattr(place, "run_pulumi", lambda arguments: answers[arguments[0]])
    monkeypatch.setattr(release_command, "declared_parts", lambda *_: frozenset())
    found = replace(FOUND, adopted=(MAPPER,), by="mine")
    shown = run(monkeypatch, "--owner", OWNER, "--adopt", at=(), found=found)
    assert (
        shown.exit_code == 3
        and shown.stderr == "Nothing was changed; --yes takes over what the stack declares, and removes the rest.\n"
    )
    assert "  becomes that of 'mine': audience mapper 'audience-api' of client 'web'" in shown.stdout.splitlines()
    told = json.loads(run(monkeypatch, "--owner", OWNER, "--adopt", "--json", at=(), found=found).stdout)
    assert [each["adopted"] for each in told["realms"][0]["left"]] == [True, False]
    for wrong in ((), ("--owner", f"{OWNER}#grant")):
        refused = run(monkeypatch, "--adopt", *wrong, at=())
        assert refused.exit_code == 2 and "--adopt: takes over all that an owner has" in refused.stderr
    hashed = run(monkeypatch, "--adopt", "--owner", hash16(OWNER), at=())
    assert hashed.exit_code == 2 and "is the hash of an owner" in hashed.stderr
    del config["keycloak-token-exchange:owner"]
    answers["config"] = json.dumps(config)
    refused = run(monkeypatch, "--adopt", "--owner", OWNER, at=())
    assert refused.exit_code == 2 and "this stack has no owner" in refused.stderr
