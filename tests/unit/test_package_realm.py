"""What is refused of all grants of a realm in a program of the package, before anything is planned."""

import pytest

from components import realm_grants

GRANT = {"sources": ["web"], "target": "api"}


class Run:
    """A run of a program."""


def faults(name: str, **grant: object) -> list[str]:
    return realm_grants._read(name, {"g": {**GRANT, **grant}}, {"realm": "r", "owner": "o"})[1]


def test_a_realm_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    monkeypatch.setattr(realm_grants, "this_run", lambda: run)
    monkeypatch.setattr(realm_grants, "own_provider", lambda: "")
    assert faults("one") == faults("one") == []
    (told,) = faults("two")
    assert told == "grants 'two': are in realm 'r', as 'one' are; make one RealmGrants of the two."


def test_an_explicit_provider_and_what_is_of_all_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realm_grants, "this_run", lambda: None)
    monkeypatch.setattr(realm_grants, "own_provider", lambda: "other")
    provider, realm = faults("one", realm="s")
    assert "is of an explicit provider" in provider and "'g' sets realm" in realm
