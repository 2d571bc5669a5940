"""How client policies vote at a write, where that hangs on the server's version."""

from typing import Any

import pytest

from kcadmin.rest.errors import HttpError, NotImplementedHere
from kcadmin.writes.executors import NOTHING, UNDECIDED, Done, before_write
from kcadmin.writes.policies import known_policies
from kcadmin.writes.prediction import RealmPolicies
from kcadmin.writes.votes import Version, Vote, Write, holds


class Answers:
    """A session that answers each request alike."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def get(self, at: str, **query: str) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


OF_PUBLIC = {"conditions": [{"condition": "client-access-type", "configuration": {"type": ["confidential"]}}]}


@pytest.mark.parametrize(("version", "vote"), [((26, 5), Vote.NO), ((26, 7), Vote.YES), (None, Vote.UNKNOWN)])
def test_an_unknown_version_votes_as_all_versions_agree(version: Version, vote: Vote) -> None:
    assert holds(OF_PUBLIC, Write({"publicClient": True}, {}, version=version)) is vote
    assert holds(OF_PUBLIC, Write({}, {}, version=version)) is Vote.YES


@pytest.mark.parametrize(
    ("version", "done"),
    [((26, 5), NOTHING), ((26, 7), Done(refused="fullScopeAllowed is not false")), (None, UNDECIDED)],
)
def test_an_unknown_version_acts_as_all_versions_agree(version: Version, done: Done) -> None:
    config = {"auto-configure": "false"}
    write = Write({"fullScopeAllowed": True}, {}, version=version)
    assert before_write("full-scope-disabled", config, write) == done
    assert before_write("consent-required", {"auto-configure": True}, write) == Done({"consentRequired": True})


@pytest.mark.parametrize("attributes", ['[{"key": ["a"], "value": "b"}]', "[[]]", "[1]", "{}", "7", "[" * 9999])
def test_attributes_of_another_shape_hold_for_nobody(attributes: str) -> None:
    policy = {"conditions": [{"condition": "client-attributes", "configuration": {"attributes": attributes}}]}
    assert holds(policy, Write({"attributes": {"a": "b"}}, {})) in (Vote.NO, Vote.YES)


def test_a_server_without_client_policies_has_none() -> None:
    gone = NotImplementedHere(501, "GET", "/admin/realms/r/client-policies/policies", "Feature not enabled")
    assert isinstance(gone, HttpError)
    assert known_policies(Answers(gone), "r") == (RealmPolicies(), True)  # type: ignore[arg-type]
