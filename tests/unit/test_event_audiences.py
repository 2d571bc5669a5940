"""Which clients an event names: texts that Keycloak joined, read with the client ids that exist."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.objects.event_audiences import BLANK, COMMA, ClientIds, read_audiences
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Forbidden

WORDS = st.text(alphabet="ab(/✓é,_%", min_size=1, max_size=3)
IDS = st.sets(
    st.lists(WORDS, min_size=1, max_size=3).flatmap(
        lambda words: st.sampled_from([BLANK.join(words), COMMA.join(words)])
    ),
    min_size=1,
    max_size=8,
)


class FakeRealm:
    """A realm that counts what it is asked."""

    def __init__(self, *ids: str, hidden: bool = False) -> None:
        self.ids, self.hidden, self.asked, self.clients = ids, hidden, list[str](), self

    def ids_containing(self, part: str) -> frozenset[str]:
        self._count(part)
        return frozenset(each for each in self.ids if part in each)

    def find(self, client_id: str) -> str | None:
        self._count(client_id)
        return client_id if client_id in self.ids else None

    def _count(self, text: str) -> None:
        self.asked.append(text)
        if self.hidden:
            raise Forbidden(403, "GET", "/clients", "no")


def of(realm: FakeRealm, *known: str) -> ClientIds:
    return ClientIds(cast(Realm, realm), known)


@pytest.mark.parametrize(
    ("text", "ids", "readings"),
    [
        ("api", (), [{"api"}]),
        ("Test API", ("Test API",), [{"Test API"}]),
        ("Test API", ("Test API", "Test"), [{"Test API"}]),
        ("Test API", ("Test API", "Test", "API"), [{"Test API"}, {"Test", "API"}]),
        ("Test API", ("Test", "API"), [{"Test", "API"}]),
        ("Test API v2 Test API", ("Test API", "Test API v2"), [{"Test API", "Test API v2"}]),
        ("account api/v1 ✓", ("api/v1 ✓",), [{"account", "api/v1 ✓"}]),
        ("x  y z", ("x  y",), [{"x  y", "z"}]),
        ("(a) b custom", ("(a) b", "a"), [{"(a) b", "custom"}]),
        (" ", (), [{" "}]),
    ],
)
def test_readings_of_a_text(text: str, ids: tuple[str, ...], readings: list[set[str]]) -> None:
    assert sorted(map(sorted, read_audiences(text, BLANK, of(FakeRealm(*ids))).readings)) == sorted(
        map(sorted, readings)
    )
    assert read_audiences(text, BLANK, ClientIds(None, ids)) == read_audiences(text, BLANK, of(FakeRealm(*ids)))


@given(ids=IDS, data=st.data(), separator=st.sampled_from([BLANK, COMMA]))
def test_what_was_joined_is_among_the_readings(ids: set[str], data: st.DataObject, separator: str) -> None:
    chosen = data.draw(st.lists(st.sampled_from(sorted(ids)), min_size=1, max_size=4, unique=True))
    found = read_audiences(separator.join(chosen), separator, of(FakeRealm(*ids)))
    assert frozenset(chosen) in found.readings or len(found.readings) == 32
    assert all(each for reading in found.readings for each in reading)
    assert all(map(found.may_include, chosen)) and (len(chosen) > 1 or found.may_be_only(chosen[0]))
    assert not found.may_include("") and not found.may_be_only("")
    if len(found.readings) < 32:
        assert found.some == frozenset().union(*found.readings)
        assert found.alone == {next(iter(each)) for each in found.readings if len(each) == 1}


def test_what_a_text_of_very_many_readings_may_include() -> None:
    pairs = [(f"a{number}", f"b{number}") for number in range(8)]
    ids = [each for one, other in pairs for each in (one, other, f"{one} {other}")]
    found = read_audiences(" ".join(f"{one} {other}" for one, other in pairs), BLANK, ClientIds(None, ids))
    assert len(found.readings) == 32 and all(map(found.may_include, ids)) and not any(map(found.may_be_only, ids))
    again = read_audiences("a a a a a a a a", BLANK, ClientIds(None, ["a", "a a", "a a a"]))
    assert again.may_be_only("a a") and again.may_be_only("a") and not again.may_be_only("a a a")


def test_a_text_of_many_words_takes_no_time() -> None:
    ids = ClientIds(None, [f"a {'b ' * number}c" for number in range(40)])
    assert read_audiences("a b " * 2_000, BLANK, ids)


def test_the_realm_is_asked_once_and_only_where_a_text_can_be_cut() -> None:
    realm = FakeRealm("account", "api", "Test API")
    ids = of(realm, "web")
    assert read_audiences("api", BLANK, ids).readings == ({"api"},)
    assert realm.asked == []
    for _ in range(2):
        assert read_audiences("account api web", BLANK, ids).shown == ("account", "api", "web")
    assert realm.asked == ["account api", "api web"]


def test_a_login_that_may_not_read_clients_reads_with_the_ids_of_the_stack() -> None:
    realm = FakeRealm("other one", hidden=True)
    found = read_audiences("Test API other one", BLANK, of(realm, "Test API"))
    assert found.readings == ({"Test API", "other", "one"},)
    assert len(realm.asked) == 1


def test_what_cannot_be_told_apart_is_shown_as_it_is() -> None:
    found = read_audiences("Test API", BLANK, ClientIds(None, ["Test API", "Test", "API"]))
    assert found.shown == ("Test API",)
    assert found.may_include("API") and found.may_be_only("Test API") and not found.may_be_only("API")
