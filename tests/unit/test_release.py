"""What is taken away without a state: notes bring nothing new, guards go last, and no shape of policies takes long."""

from collections.abc import Iterator
from typing import Any

import pytest

from exchange.release import removal
from kcadmin.objects.audience_scopes import AudienceScope
from kcadmin.objects.mapper_types import STORES
from kcadmin.rest.errors import Refusal
from providers.base.mapper import MapperProvider
from reach.leftovers import CLAIMED, NAMED_IN_KIND, Leftover, LeftoverKind, _depths
from tests.support.resources import RESOURCES

SCOPE = AudienceScope("orders", "", "api", (("", "staff"),), True, owner="gone#g", id="1")


class Realm:
    """No request is made."""

    name = "r"


def test_every_mapper_and_setting_can_be_released() -> None:
    """Where a new one is missing, CONTRIBUTING.md says what to add."""
    assert {each.STORE for each in RESOURCES if issubclass(each, MapperProvider)} == {*STORES.values()}
    claims = {each.claim for each in RESOURCES.values() if each.claim}
    assert {each for each in claims if not each.startswith(tuple(NAMED_IN_KIND))} <= {*CLAIMED}
    assert {*LeftoverKind} - {LeftoverKind.ADOPTED, LeftoverKind.STRAY} <= {*removal._WAYS}


def fails(realm: object, left: Leftover) -> None:
    raise Refusal("mapper 'm': stays.")


@pytest.mark.parametrize(
    ("was", "may"),
    [
        ({"included_client": None, "roles": [["", "staff"]]}, True),
        ({"included_client": "api", "roles": [["", "staff"]], "stored": [["name", "orders"]]}, True),
        ({"included_client": "admin-api", "roles": [["", "staff"]]}, False),
        ({"included_client": "api", "roles": []}, False),
        ({"included_client": "api", "roles": [["", "staff"], ["", "all"]]}, False),
        *(
            ({"included_client": "api", "roles": [["", "staff"]], "stored": [[f"audience.{key}", "admin-api"]]}, False)
            for key in ("included.client.audience", "included.custom.audience")
        ),
    ],
)
def test_a_note_makes_a_client_scope_no_wider(was: dict[str, Any], may: bool) -> None:
    assert SCOPE.may_have_been(was) is may


def test_guards_stay_while_what_they_guard_could_not_be_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []
    monkeypatch.setitem(removal._WAYS, LeftoverKind.MAPPER, fails)
    monkeypatch.setitem(removal._WAYS, LeftoverKind.GUARD, lambda realm, left: gone.append(left.owner))

    def ends(*left: Leftover) -> Iterator[str]:
        return (each.fault for each in removal.release_all(Realm(), left))  # type: ignore[arg-type]

    guard, mapper = Leftover(LeftoverKind.GUARD, "", "g", "gone"), Leftover(LeftoverKind.MAPPER, "web", "m", "gone")
    assert [*ends(guard)] == [""] and gone == ["gone"]
    assert [*ends(mapper, guard)] == [
        "mapper 'm': stays.",
        f"{guard.about} in realm 'r': stays, since something that must go first could not be removed; "
        "run the same command again.",
    ]
    assert gone == ["gone"]


def test_a_claim_that_means_nothing_takes_no_note_along_that_is_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write the client can plant such a claim; the note says what the mapper is given back as, by the next run."""

    gone: list[str] = []
    monkeypatch.setitem(removal._WAYS, LeftoverKind.MAPPER, fails)
    monkeypatch.setattr(removal, "_notes", lambda realm, client, notes: gone.extend(each.name for each in notes))
    mapper = Leftover(LeftoverKind.MAPPER, "web", "m", "gone")
    note, stray = (
        Leftover(LeftoverKind.ADOPTED, "web", "the note", "gone"),
        Leftover(LeftoverKind.STRAY, "web", "the stray", "gone"),
    )
    faults = [each.fault for each in removal.release_all(Realm(), [mapper, note, stray])]  # type: ignore[arg-type]
    assert gone == ["the stray"] and [bool(each) for each in faults] == [True, True, False]
    gone.clear()
    assert [each.fault for each in removal.release_all(Realm(), [note, stray])] == ["", ""]  # type: ignore[arg-type]
    assert gone == ["the note", "the stray"]


def test_depths_of_layers_chains_and_circles() -> None:
    layers = {f"{layer}{side}": {f"{layer + 1}a", f"{layer + 1}b"} for layer in range(30) for side in "ab"}
    assert _depths({**layers, "30a": set(), "30b": set()})["30a"] == 30
    chain = {str(each): {str(each + 1)} for each in range(500)} | {"500": set()}
    assert _depths(chain)["500"] == 500
    assert set(_depths({"a": {"b"}, "b": {"a"}})) == {"a", "b"}
