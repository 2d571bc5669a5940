"""Realms as public examples and set-up scripts make them: import → inventory → up → verify → graph → destroy → as before.

Each realm of tests/fixtures/realms has its expectations beside it, written before it was run: what inventory proposes and says
(grants, findings), what the preview refuses (refused), whose tokens `up` opens besides (opens), what verify comes to (verify,
reasons), what is open though no grant says it (undeclared), and what destroy tells (left). declare: grants that people want
besides; by_hand: legacy permissions.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any

import pytest

from exchange.graph.graph import graph_of
from exchange.inventory.config_file import take_inventory
from exchange.inventory.remarks import Level
from exchange.stack.stack import StackOutputs
from exchange.verify.report import result
from exchange.verify.verify import verify
from grants.plan import questions
from grants.planning import plan
from grants.spec import read_grant
from kcadmin.objects.client_secrets import ClientSecrets
from kcadmin.rest.session import Session
from policy.stack import GRANT
from reach import preflight
from reach.allowed import realm_reach
from reach.proof import Case, Subject
from reach.roles import survey_roles
from reach.survey import survey
from tests.conftest import Servers
from tests.e2e.conftest import NewStack
from tests.e2e.stack import Stack
from tests.support.engine import forget
from tests.support.handmade import Hand
from tests.support.realms import PASSWORD, TestRealm

FOLDER = Path(__file__).parents[1] / "fixtures" / "realms"
NAMES = sorted(file.name.removesuffix(".expected.json") for file in FOLDER.glob("*.expected.json"))
ALL, SHARE = "CORPUS", 3
Expected = dict[str, Any]

pytestmark = [pytest.mark.standard_exchange, pytest.mark.dpop]


def chosen() -> list[str]:
    """A third of the realms; all with CORPUS=all."""
    return NAMES if os.environ.get(ALL) == "all" else NAMES[::SHARE]


def imported(name: str, expected: Expected, servers: Servers) -> TestRealm:
    """The file as it is, under a name of its own, with secrets, a user and quick keys."""
    server = servers(expected["server"])
    content = json.loads((FOLDER / f"{name}.json").read_text())
    assert "secret" not in json.dumps(content).lower()
    realm = TestRealm(server.url, server.admin_password, f"{name}-{secrets.token_hex(4)}")
    realm.add_from(content)
    if by_hand := expected.get("by_hand"):
        hand = Hand(realm, first=next(iter(by_hand)))
        for target, clients in by_hand.items():
            hand.permission(target, [hand.client(f"{target} by hand", *clients)])
    return realm


def refused(realm: TestRealm, grant: dict[str, Any]) -> str:
    """What the preview says against a grant by itself."""
    spec, faults = read_grant({"name": "wanted", "realm": realm.name, **grant}, {"owner": "tests/test"})
    if spec is None:
        return "\n".join(faults)
    forget()
    return "\n".join(plan([spec], preflight.ask_server(realm.connection, questions([spec]))).faults)


def outputs(stack: Stack, realm: TestRealm) -> StackOutputs:
    made = stack.export()
    grants = {urn.split("::", 3)[3]: each["outputs"] for urn, each in made.items() if each["type"] == GRANT}
    return StackOutputs(grants, realm.url, realm.name, {})


def about(case: Case) -> str:
    third = f"{case.requester} → " if case.flow == "third" else ""
    return f"{case.flow}: {case.source} → {third}{case.target}"


@pytest.mark.parametrize("name", chosen())
def test_a_realm_of_the_corpus(name: str, servers: Servers, new_stack: NewStack) -> None:
    expected: Expected = json.loads((FOLDER / f"{name}.expected.json").read_text())
    realm = imported(name, expected, servers)
    try:
        against(realm, expected, new_stack(realm, expected["server"]))
    finally:
        realm.remove()


def against(realm: TestRealm, expected: Expected, stack: Stack) -> None:
    before = realm.export()
    forget()
    found = take_inventory(realm.session, realm.name)
    grants = [each.config() for each in found.grants]
    unnamed = [{key: value for key, value in each.items() if key != "name"} for each in grants]
    assert sorted(map(as_text, unnamed)) == sorted(map(as_text, expected["grants"]))
    told = [f"{each.level.value}: {each.sentence()}" for each in found.findings]
    for level, words in expected["findings"]:
        matching = [each for each in told if each.startswith(f"{Level(level).value}: ") and words in each]
        assert len(matching) == 1, (words, told)
        told.remove(matching[0])
    assert told == []
    for each in expected["refused"]:
        assert each["says"] in refused(realm, each["grant"]), each

    stack.configure(*grants, *expected["declare"])
    made = stack.up("--skip-preview")
    opened = {
        line.partition("implied by ")[2]  # in the progress, and at the end
        for line in made.output.splitlines()
        if "may also exchange tokens of '" in line
    }
    assert len(opened) == len(expected["opens"]), opened
    for words in expected["opens"]:
        assert any(words in line for line in opened), opened
    cases = outputs(stack, realm).cases()
    forget()
    session = Session(realm.connection)
    user = Subject(expected["user"], PASSWORD) if expected["user"] else None
    everybody = dict.fromkeys((each.realm, name) for each in cases for name in (each.source, each.requester))
    verdicts = verify(session, cases, user, ClientSecrets(session, {}, read=True, among=everybody), givers=cases)
    assert {about(each.case): result(each) for each in verdicts} == expected["verify"], [
        each.reason for each in verdicts
    ]
    for each in verdicts:
        assert expected["reasons"].get(about(each.case), "") in (each.reason or "")
        assert each.tried or each.outlook is not False, each

    here = survey(session, realm.name)
    graph = graph_of(realm_reach(here, survey_roles(session, here)), realm.name, realm.url, cases)
    open_ = [
        f"{edge.requester}: {', '.join(edge.sources)} → {', '.join(to or 'itself' for to in edge.audiences)}"
        for edge in graph.edges
        if edge.kind == "undeclared"
    ]
    assert open_ == expected["undeclared"]

    gone = stack.destroy("--skip-preview")
    for words in expected["left"]:
        assert words in gone.output
    assert realm.export() == before


def as_text(grant: dict[str, Any]) -> str:
    return json.dumps(grant, sort_keys=True)
