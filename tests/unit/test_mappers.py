"""Audience mappers: our fields to the server's configuration and back, with others' notes left alone."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.marks.ownership import hash16
from kcadmin.objects.clients import Client, Clients
from kcadmin.objects.mappers import AUDIENCE_MAPPER, AudienceMapper, AudienceMappers
from kcadmin.rest.errors import Conflict
from reach.marks_in_sight import marks_on
from tests.support.examples import examples
from tests.support.fake_server import FakeKeycloak

API = AudienceMapper("audience-api", "api", None, True, False, True, "o/p/s", "standard")
ONES = st.builds(
    AudienceMapper,
    st.text("ab ", min_size=1, max_size=5),
    st.sampled_from(["api", "é"]),
    st.none(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, "o/p/s"]),
    st.sampled_from([None, "standard", "legacy"]),
)
TEXTS = ONES.map(lambda one: replace(one, included_client=None, custom_audience="https://api.example.com"))


DEFAULTS = ("introspection.token.claim", "userinfo.token.claim")  # what the server adds where it is not said


def plain(mapper: AudienceMapper | None) -> AudienceMapper:
    """A mapper as it is asked for, without how it was stored."""
    assert mapper
    return replace(mapper, stored=())


@pytest.fixture
def keycloak() -> FakeKeycloak:
    server = FakeKeycloak()
    server.add_realm("r", frontend={}, api={})
    return server


@pytest.fixture
def mappers(keycloak: FakeKeycloak) -> AudienceMappers:
    return AudienceMappers(Clients(keycloak.shared, "r"), keycloak.uuid("frontend"))


def stored(keycloak: FakeKeycloak) -> list[dict[str, Any]]:
    return list(keycloak.client("frontend")["protocolMappers"])


@examples(40)
@given(st.one_of(ONES, TEXTS))
def test_what_is_written_is_read(wanted: AudienceMapper) -> None:
    keycloak = FakeKeycloak()
    keycloak.add_realm("r", frontend={})
    clients = Clients(keycloak.shared, "r")
    made = AudienceMappers(clients, keycloak.uuid("frontend")).create(wanted)
    assert made == replace(wanted, id=made.id) and made.id
    clients.get(keycloak.uuid("frontend"), max_age=0)
    (found,) = AudienceMappers(clients, keycloak.uuid("frontend")).all()
    assert plain(found) == made


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        ({}, {"included_client": None, "access_token": False, "introspection": False, "owner": None, "exchange": None}),
        (
            {"included.client.audience": "", "included.custom.audience": "x"},
            {
                "included_client": None,
                "custom_audience": "x",
                "access_token": False,
                "introspection": False,
                "owner": None,
                "exchange": None,
            },
        ),
        (
            {"included.client.audience": "api", "access.token.claim": "true", "introspection.token.claim": "false"},
            {"introspection": False, "owner": None, "exchange": None},
        ),
        (
            {"included.client.audience": "api", "access.token.claim": "TRUE", "id.token.claim": "yes"},
            {"access_token": False, "introspection": False, "owner": None, "exchange": None},
        ),
        (
            {
                "included.client.audience": "api",
                "access.token.claim": "true",
                "pulumi.owner": "o/p/s",
                "pulumi.exchange": "standard",
            },
            {},
        ),
    ],
    ids=str,
)
def test_reading_what_others_may_have_left_out(config: dict[str, str], changes: dict[str, Any]) -> None:
    read = AudienceMapper.read({"id": "1", "name": API.name, "protocolMapper": AUDIENCE_MAPPER, "config": config})
    assert plain(read) == replace(API, id="1", **changes)
    assert [(key, value) for key, value in read.stored] == sorted(config.items())


def test_without_a_configuration_it_is_read_too() -> None:
    assert AudienceMapper.read({"id": "1", "name": "m", "config": None}).audience == (None, None)


def test_the_configuration_holds_no_nulls_and_serves_lightweight_tokens() -> None:
    assert API.config() == {
        "included.client.audience": "api",
        "access.token.claim": "true",
        "lightweight.claim": "true",
        "id.token.claim": "false",
        "introspection.token.claim": "true",
        "pulumi.owner": "o/p/s",
        "pulumi.exchange": "standard",
    }
    assert set(replace(API, owner=None, exchange=None).config()) & {"pulumi.owner", "pulumi.exchange"} == set()


def test_the_mark_is_the_hash_of_the_owner() -> None:
    assert API.mark == hash16("o/p/s") and replace(API, owner=None).mark is None


def test_others_notes_survive_an_update(keycloak: FakeKeycloak, mappers: AudienceMappers) -> None:
    made = mappers.create(API)
    stored(keycloak)[0]["config"]["their.note"] = "1"
    again = AudienceMappers(Clients(keycloak.shared, "r"), keycloak.uuid("frontend"))
    again.update(str(made.id), replace(API, included_client=None, custom_audience="x", owner=None, exchange=None))
    config = stored(keycloak)[0]["config"]
    assert config["their.note"] == "1" and config["included.custom.audience"] == "x"
    assert not {"included.client.audience", "pulumi.owner", "pulumi.exchange"} & set(config)


def test_what_others_noted_since_the_first_read_survives_an_update(
    keycloak: FakeKeycloak, mappers: AudienceMappers, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("kcadmin.objects.clients.time.monotonic", lambda: now[0])
    made = mappers.create(API)
    assert mappers.get(str(made.id))
    config = {**stored(keycloak)[0]["config"], "their.note": "1"}
    keycloak.client("frontend")["protocolMappers"] = [{**stored(keycloak)[0], "config": config}]
    now[0] += 60
    mappers.update(str(made.id), replace(API, id_token=True))
    assert stored(keycloak)[0]["config"]["their.note"] == "1"


def test_what_was_stored_is_written_back_exactly(keycloak: FakeKeycloak, mappers: AudienceMappers) -> None:
    made = mappers.create(API)
    found = {"included.client.audience": "api", "their.note": "1"}
    mappers.update(str(made.id), replace(API, stored=tuple(found.items())))
    assert {key: value for key, value in stored(keycloak)[0]["config"].items() if key not in DEFAULTS} == found


def test_only_audience_mappers_are_seen(keycloak: FakeKeycloak, mappers: AudienceMappers) -> None:
    stored(keycloak)  # none yet
    keycloak.client("frontend")["protocolMappers"].append(
        {"id": "1", "name": "x", "protocolMapper": "other", "config": {}}
    )
    assert mappers.all() == [] and mappers.get("1") is None


def test_its_life(keycloak: FakeKeycloak, mappers: AudienceMappers) -> None:
    before = keycloak.state()
    made = mappers.create(API)
    with pytest.raises(Conflict):
        mappers.create(API)
    assert plain(mappers.get(str(made.id))) == made
    assert mappers.update(str(made.id), replace(API, id_token=True)) == plain(mappers.get(str(made.id)))
    mappers.delete(str(made.id))
    mappers.delete(str(made.id))
    assert mappers.get(str(made.id)) is None and keycloak.state() == before


def test_a_client_that_is_gone_has_none(keycloak: FakeKeycloak, mappers: AudienceMappers) -> None:
    keycloak.remove_client("frontend")
    assert mappers.all() == []


def test_a_mark_is_in_sight_whatever_its_mapper_adds() -> None:
    for audience in ({"included.client.audience": "api"}, {}):
        mapper = {
            "id": "m",
            "name": "n",
            "protocolMapper": "oidc-audience-mapper",
            "config": {"pulumi.owner": "o", **audience},
        }
        (mark,) = marks_on(Client("1", "web", {}, (mapper,)))
        assert (mark.owner, mark.at) == ("o", "1") and mark.what == "audience mapper 'n' of client 'web'"
