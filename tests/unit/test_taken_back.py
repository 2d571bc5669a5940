"""What a preview tells of objects that the stack made before its state was lost."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from kcadmin.marks.ownership import Writer
from kcadmin.objects.claims import Claim
from kcadmin.objects.lifespans import LIFESPAN
from kcadmin.objects.setting_claims import LIFESPAN_CLAIM
from kcadmin.objects.writers import Mark
from package.servicer import Servicer
from providers.base import face, taken_back
from providers.base.place import stack_of_program
from providers.token_lifespan import TokenLifespan
from tests.support.fake_server import FakeKeycloak
from tests.unit.test_components import MAPPER, OWNER, Program, keycloak, program  # noqa: F401 (fixtures)

NUMBER = "0000000a"
TOLD = "will take back 1 object that this stack made before its state was lost."


def claimed(by: Writer) -> Claim:
    return Claim(f"{OWNER}#lifespan", LIFESPAN_CLAIM, {LIFESPAN: "60"}, {LIFESPAN: None}, by)


def lifespan() -> TokenLifespan:
    return TokenLifespan("lifespan", realm="r", client_id="frontend", seconds=60)


@pytest.fixture
def told(
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., list[str]]:
    """What a preview of a program tells, where this stack's claim on a lifespan is on the server and not in the state."""
    said: list[str] = []
    monkeypatch.setattr("providers.base.messages.info", said.append)
    monkeypatch.setattr(taken_back, "is_dry_run", lambda: True)
    claim = claimed(Writer(stack_of_program(OWNER), NUMBER))
    keycloak.change("frontend", attributes={claim.key: claim.text()})

    def run(begins: Callable[[], Any]) -> list[str]:
        program.run(lambda: (begins(), lifespan()))
        return said

    return run


def test_a_resource_outside_of_grants_reads_its_own_place(told: Callable[..., list[str]]) -> None:
    assert told(lambda: None) == [TOLD]


def test_beside_planned_grants_nothing_is_read_before_a_mark_is_known(
    told: Callable[..., list[str]],
    keycloak: FakeKeycloak,  # noqa: F811
) -> None:
    assert told(lambda: taken_back.note_marks([], OWNER)) == []
    assert not keycloak.asked("/clients")


def test_a_plan_that_has_seen_a_mark_has_all_new_resources_asked(told: Callable[..., list[str]]) -> None:
    seen = Mark("", f"{OWNER}#lifespan", Writer(stack_of_program(OWNER), NUMBER))
    assert told(lambda: taken_back.note_marks([seen], OWNER)) == [TOLD]


def test_a_mark_that_the_state_has_is_not_lost(
    told: Callable[..., list[str]],
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
) -> None:
    """Of an object with the same owner, as all that grants share have. A new grant beside it asks nothing more."""
    seen = Mark("", f"{OWNER}#lifespan", Writer(stack_of_program(OWNER), NUMBER))
    program.state = {"urn::of::the::mapper": {"type": MAPPER, "outputs": {"realm": "r", "number": NUMBER}}}
    assert told(lambda: taken_back.note_marks([seen], OWNER)) == []
    assert not keycloak.asked("/clients")


def test_another_stacks_mark_is_not_taken_back(
    told: Callable[..., list[str]],
    keycloak: FakeKeycloak,  # noqa: F811
) -> None:
    claim = claimed(Writer("acme/another/dev", NUMBER))
    keycloak.change("frontend", attributes={claim.key: claim.text()})
    assert told(lambda: None) == []


def test_a_grant_of_the_package_waits_until_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its event loop ends with it, and would end what is still to be told."""
    monkeypatch.setattr(face, "_config", {})
    told: list[str] = []

    async def construct(_self: Servicer, _request: Any, _context: Any) -> str:
        running = taken_back._this_program()
        assert running

        async def tell() -> int:
            await asyncio.sleep(0)
            told.append("all")
            running.told = None
            return 1

        running.told = pulumi.Output.from_input(tell())
        return "the grant"

    monkeypatch.setattr(Servicer, "_construct", construct)
    request = SimpleNamespace(config={}, configSecretKeys=[])
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(Servicer("")._grant, request, face.Run()).result() == "the grant"
    assert told == ["all"]
