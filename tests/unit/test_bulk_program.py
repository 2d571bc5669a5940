"""What a program registers whose grants are one resource per realm, and on the way there and back, by Pulumi's mocks."""

from typing import Any

import pulumi
import pytest

from components.token_exchange_grant import register_many_grants
from kcadmin.marks.packed import OBJECT, TOKEN, Part, pack, packed_grants, parts_in
from providers.bulk.told import IS_HELD, NEW_OWNER
from providers.token_lifespan import TokenLifespan
from tests.support.fake_server import FakeKeycloak
from tests.unit.test_components import MAPPER, SWITCH, Program, grant, keycloak, program  # noqa: F401 (fixtures)

PLACES = {"r/api/audience-api", "r/frontend/audience-api", "r/api/standard-exchange"}
HELD = "r/grants"
NUMBERS = {place: f"{number:08x}" for number, place in enumerate(sorted(PLACES))}


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::keycloak-token-exchange::{kind}::{name}"


def each_in_state(**outputs: str) -> dict[str, Any]:
    return {
        urn(kind, place): {"type": kind, "outputs": {"realm": "r", "number": NUMBERS[place], **outputs}}
        for place in PLACES
        for kind in (SWITCH if place.endswith("exchange") else MAPPER,)
    }


def held_in_state(owner: str | None = None) -> dict[str, Any]:
    props = {"owner": owner} if owner else {}
    parts = {
        place: Part(
            "StandardTokenExchange" if place.endswith("exchange") else "AudienceMapper", {"number": number, **props}
        )
        for place, number in NUMBERS.items()
    }
    return {urn(TOKEN, HELD): {"type": TOKEN, "outputs": {"realm": "r", **pack(parts, {})}}}


def register(program: Program, keycloak: FakeKeycloak, *, in_bulk: bool, **changes: Any) -> dict[str, Any]:  # noqa: F811
    specs = [grant(**changes)]
    return dict(program.run(lambda: register_many_grants(specs, keycloak.connection, in_bulk=in_bulk)))


def test_all_parts_of_a_realm_are_one_resource(program: Program, keycloak: FakeKeycloak) -> None:  # noqa: F811
    told = register(program, keycloak, in_bulk=True)
    assert {*program.resources} == {HELD} and told["g"]["target"] == "api"
    held = parts_in(program.resources[HELD].inputs)
    assert {*held} == PLACES and held["r/frontend/audience-api"].kind == "AudienceMapper"
    assert set(held["r/api/standard-exchange"].after) == {"r/api/audience-api", "r/frontend/audience-api"}
    assert not any("keeps" in part.props for part in held.values())
    (described,) = packed_grants(program.resources[HELD].inputs).values()
    assert described["flows"] == told["g"]["flows"] and described["clients"] == told["g"]["clients"]


def test_what_needs_a_resource_of_its_own_is_refused(program: Program, keycloak: FakeKeycloak) -> None:  # noqa: F811
    with pytest.raises(pulumi.RunError, match="grant 'g' in realm 'r': sets protect, which"):
        register(program, keycloak, in_bulk=True, protect=True)
    assert program.resources == {}


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is told of a change of who holds what."""
    told: list[str] = []
    monkeypatch.setattr("components.bulk.messages.info", told.append)
    return told


def test_on_the_way_there_both_are_registered_with_the_same_numbers(
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
    notes: list[str],
) -> None:
    program.state = each_in_state()
    register(program, keycloak, in_bulk=True)
    assert {*program.resources} == {*PLACES, "g", HELD}
    held = parts_in(program.resources[HELD].inputs)
    assert {place: part.props["keeps"] for place, part in held.items()} == NUMBERS
    assert any("3 parts of grants are in the state twice" in each for each in notes), notes
    assert program.resources[HELD].depends_on >= PLACES, "those stay registered until it holds their parts"


def test_other_resources_of_the_program_stay_as_they_are(
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
    notes: list[str],
) -> None:
    beside = {"type": f"{TOKEN.rpartition(':')[0]}:TokenLifespan", "outputs": {"realm": "r", "number": "00000009"}}
    program.state = {**held_in_state(), urn(beside["type"], "beside"): beside}

    async def with_another() -> Any:
        told = await register_many_grants([grant()], keycloak.connection, in_bulk=True)
        TokenLifespan("beside", realm="r", client_id="frontend", seconds=60)
        return told

    program.run(with_another)
    assert {*program.resources} == {HELD, "beside"} and "keeps" not in program.resources["beside"].inputs
    assert not [each for each in notes if "holders" in each or "former" in each], notes


def test_when_it_holds_them_the_others_are_forgotten(
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
    notes: list[str],
) -> None:
    program.state = {**each_in_state(), **held_in_state()}
    register(program, keycloak, in_bulk=True)
    assert any("3 former resources are removed from the state" in each for each in notes), notes
    assert {*program.resources} == {HELD}


def test_on_the_way_back_it_lets_the_parts_go_after_all_of_them(
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
) -> None:
    program.state = held_in_state()
    register(program, keycloak, in_bulk=False)
    assert {*program.resources} == {*PLACES, "g", HELD}
    assert {place: program.resources[place].inputs["keeps"] for place in PLACES} == NUMBERS
    assert sorted(program.resources[HELD].inputs["gives"]) == sorted(PLACES)
    assert parts_in(program.resources[HELD].inputs) == {} and program.resources[HELD].depends_on >= PLACES


def test_what_has_taken_a_part_already_has_a_number_of_its_own_when_it_is_replaced(
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
) -> None:
    """After a run that was killed on the way back. With the number that it has, it would be deleted with what it replaces."""
    program.state = {**each_in_state(), **held_in_state()}
    register(program, keycloak, in_bulk=False)
    assert not any("keeps" in program.resources[place].inputs for place in PLACES)
    assert sorted(program.resources[HELD].inputs["gives"]) == sorted(PLACES)


@pytest.mark.parametrize(("owner", "run"), [(None, IS_HELD), ("former", NEW_OWNER)])
def test_what_the_state_holds_is_told(
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
    owner: str | None,
    run: str,
) -> None:
    program.state = held_in_state(owner)
    register(program, keycloak, in_bulk=True)
    assert program.resources[HELD].inputs["run"] == run


@pytest.mark.parametrize("in_bulk", [False, True])
def test_a_preview_tells_what_is_given_back(
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    in_bulk: bool,
) -> None:
    told: list[str] = []
    monkeypatch.setattr("components.news.messages.text", told.extend)
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)
    of = {"realm": "r", "client_id": "old", "found": "claimed"}
    was: dict[str, dict[str, Any]] = {
        "FullScopeOff": {"fullScopeAllowed": True},
        "StandardTokenExchange": {"attributes.standard.token.exchange.enabled": None},  # was off
        "TokenLifespan": {"attributes.access.token.lifespan": "60"},
    }
    going = {f"r/old/{kind}": Part(kind, {**of, "was": before}) for kind, before in was.items()}
    going["r/kept"] = Part(
        "TokenLifespan", {**of, "client_id": "kept", "on_remove": "keep", "was": was["TokenLifespan"]}
    )
    adopted = {**of, "name": "m", "found": "adopted", "was": {"name": "m"}}
    going["r/mapper"] = Part("AudienceMapper", adopted)
    each = {
        urn(OBJECT + part.kind, at): {"type": OBJECT + part.kind, "outputs": part.props} for at, part in going.items()
    }
    all_ = {urn(TOKEN, HELD): {"type": TOKEN, "outputs": {"realm": "r", **pack(going, {})}}}
    program.state = all_ if in_bulk else each
    specs = [grant()]
    program.run(lambda: register_many_grants(specs, keycloak.connection, in_bulk=in_bulk, all_of_stack=True))
    assert told[told.index("what is removed gives back what was there before:") + 1 :] == [
        "  audience mapper 'm' in realm 'r': as it was before it was adopted",
        "  full scope of client 'old' in realm 'r': fullScopeAllowed true",
        "  token lifespan of client 'old' in realm 'r': access.token.lifespan '60'",
    ]


def test_beside_other_resources_only_what_its_resource_held_is_told(
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The program may still declare the others: as a resource alone, or in a realm of which it plans nothing here."""
    told: list[str] = []
    monkeypatch.setattr("components.news.messages.text", told.extend)
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)

    def lifespan(realm: str, client: str) -> Part:
        was = {"attributes.access.token.lifespan": "60"}
        return Part("TokenLifespan", {"realm": realm, "client_id": client, "found": "claimed", "was": was})

    kind, alone = f"{OBJECT}TokenLifespan", lifespan("r", "alone").props
    held = {
        realm: {"realm": realm, **pack({f"{realm}/old/lifespan": lifespan(realm, "old")}, {})} for realm in ("r", "s")
    }
    program.state = {
        urn(kind, "alone"): {"type": kind, "outputs": alone},
        **{urn(TOKEN, f"{realm}/grants"): {"type": TOKEN, "outputs": outputs} for realm, outputs in held.items()},
    }
    register(program, keycloak, in_bulk=True)
    assert told[told.index("what is removed gives back what was there before:") + 1 :] == [
        "  token lifespan of client 'old' in realm 'r': access.token.lifespan '60'"
    ]


def test_an_owner_does_not_change_with_the_way_back(
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
) -> None:
    program.state = held_in_state("former")
    with pytest.raises(pulumi.RunError, match="the owner of 3 of this stack's objects, from 'former' to '"):
        register(program, keycloak, in_bulk=False)
    assert not program.resources


def test_a_resource_a_part_registers_nothing_more(program: Program, keycloak: FakeKeycloak) -> None:  # noqa: F811
    program.state = each_in_state()
    register(program, keycloak, in_bulk=False)
    assert {*program.resources} == {*PLACES, "g"}
    assert not any(OBJECT in each.type and "keeps" in each.inputs for each in program.resources.values())


def test_resources_know_their_numbers_by_a_former_owner(program: Program, keycloak: FakeKeycloak) -> None:  # noqa: F811
    """So that one which is replaced in this run can say why it must not be."""
    program.state = each_in_state(owner="former")
    register(program, keycloak, in_bulk=False)
    assert {place: program.resources[place].inputs["held"] for place in PLACES} == {
        place: [number] for place, number in NUMBERS.items()
    }


def test_parts_that_failed_end_the_program_when_its_outputs_are_there(
    program: Program,  # noqa: F811
    keycloak: FakeKeycloak,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of all realms; an exception beside the program would have Pulumi add that it is unhandled."""
    make, exported = program.new_resource, list[Any]()

    def fails(args: Any) -> tuple[str | None, dict[str, Any]]:
        id_, outputs = make(args)
        return id_, {**outputs, "failed": {"a part": [f"{args.name}: is wrong; mend it."]}}

    monkeypatch.setattr(program, "new_resource", fails)
    keycloak.add_realm("s", frontend={}, api={})
    specs = [grant(), grant(name="h", realm="s")]

    def registered() -> Any:
        return register_many_grants(specs, keycloak.connection, in_bulk=True, export=exported.append)

    with pytest.raises(pulumi.RunError, match=r"^r/grants: is wrong; mend it\.\ns/grants: is wrong; mend it\.$"):
        program.run(registered)
    assert [{*each} for each in exported] == [{"g", "h"}]
