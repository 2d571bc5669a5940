"""What callers notice of a switch: which refusals it caused, and which exchanges are still legacy."""

from typing import Any

import pytest

from exchange.migrate.progress import Call, Moving, Stage
from exchange.migrate.server import Keycloak, NewEvents
from exchange.migrate.watch import Watched, caused_by_switch, refusals_without_switch
from kcadmin.objects.event_audiences import ClientIds
from kcadmin.objects.events import Event
from kcadmin.objects.realm import realm_for

ACCESS = "urn:ietf:params:oauth:token-type:access_token"
REFRESH = "urn:ietf:params:oauth:token-type:refresh_token"
NOT_IN_AUDIENCE = "client is not within the token audience"


def moving(name: str = "g", *calls: Call, target: str = "api", **changes: Any) -> Moving:
    given: dict[str, Any] = {"stage": Stage.BOTH, "listed": True, "declared": {}, **changes}
    made = calls or (Call("requester", "web", "web"),)
    return Moving(name, "r", tuple(dict.fromkeys(each.source for each in made)), target, made, **given)


def read(event: dict[str, Any]) -> Event:
    return Event.read(event, ClientIds(None, IDS))


IDS = ("Test API", "Test", "API", "api v2", "a, b", "b")
THREE = moving("three", Call("third", "web", "orders"))
RECIPIENT = moving("recipient", Call("recipient", "web", "api"))
ASKS = moving("asks")


def done(requester: str, made_by: str, audience: str | None = "api", time: int = 1) -> dict[str, Any]:
    details = {"token_id": f"onrt{made_by}:6ef51edb", "audience": audience}
    details = {key: value for key, value in details.items() if value}
    return {
        "type": "TOKEN_EXCHANGE",
        "id": f"{time}{requester}",
        "time": time,
        "clientId": requester,
        "details": details,
    }


def refused(requester: str, reason: str, *, by_standard: bool = True, **details: str) -> dict[str, Any]:
    whose = {"subject_token_client_id": "web"} if by_standard else {}
    return {
        "type": "TOKEN_EXCHANGE_ERROR",
        "time": 1,
        "clientId": requester,
        "error": "invalid_request",
        "details": {"reason": reason, **whose, **details},
    }


@pytest.mark.parametrize(
    ("grant", "event", "caused"),
    [
        (THREE, refused("orders", NOT_IN_AUDIENCE), True),
        (ASKS, refused("web", NOT_IN_AUDIENCE), True),
        # legacy asks the same of a token that is exchanged without an audience
        (RECIPIENT, refused("api", NOT_IN_AUDIENCE), False),
        (ASKS, refused("web", "Requested audience not available: api"), True),
        # legacy has no permission for this one either
        (ASKS, refused("web", "Requested audience not available: billing"), False),
        (ASKS, refused("web", "Requested audience not available: maybe"), True),
        (ASKS, refused("web", "Requested audience not available: api v2"), False),
        (moving("spaced", target="api v2"), refused("web", "Requested audience not available: api v2, b"), True),
        (moving("comma", target="a, b"), refused("web", "Requested audience not available: a, b"), True),
        (moving("second", target="b"), refused("web", "Requested audience not available: a, b"), False),
        (ASKS, refused("web", "Invalid scopes: phone"), True),
        (ASKS, refused("web", "Missing consents for Token Exchange in client web"), True),
        (ASKS, refused("web", "requested_token_type unsupported", requested_token_type=REFRESH), True),
        (ASKS, refused("web", "requested_token_type unsupported", requested_token_type="a:jwt"), False),
        (ASKS, refused("web", "audience not found"), False),
        (ASKS, refused("web", "audience client disabled"), False),
        (ASKS, refused("web", "refused before, too"), False),
        (ASKS, refused("other", "Invalid scopes: phone"), False),
        # answered by legacy, or before any of them looked
        (ASKS, refused("web", "subject_token validation failure", by_standard=False), False),
        (ASKS, done("web", "te"), False),
        (ASKS, done("web", "na"), False),
    ],
    ids=lambda each: each["details"].get("reason", "done") if isinstance(each, dict) else getattr(each, "name", None),
)
def test_which_refusals_the_switch_caused(grant: Moving, event: dict[str, Any], caused: bool) -> None:
    known, unsure = frozenset({("web", "refused before, too")}), frozenset({("web", "maybe")})
    assert caused_by_switch(read(event), Watched([grant], 0, known=known, unsure=unsure)) is caused


def test_what_was_refused_before_the_switch() -> None:
    events = [refused("web", "Invalid scopes: a"), refused("web", "not allowed", by_standard=False), done("web", "na")]
    assert refusals_without_switch(map(read, events)) == {("web", "not allowed")}


def test_quiet_counts_from_the_last_legacy_exchange() -> None:
    watched = Watched([ASKS], quiet_since=100.0)
    watched.note([read(done("web", "te"))], 104.0)
    assert watched.left(10, 104.0) == 6 and watched.legacy is None
    watched.note([read(done("web", "na"))], 105.0)
    assert watched.left(10, 105.0) == 10 and watched.legacy and watched.legacy.requester == "web"
    watched.note([read(done("web", "na", audience="billing"))], 110.0)  # no grant of these
    watched.note([read(done("other", "na"))], 110.0)
    assert watched.left(10, 115.0) == 0 and watched.refusal is None


def test_the_first_refusal_is_kept() -> None:
    watched = Watched([THREE], 0.0)
    watched.note(map(read, [refused("orders", NOT_IN_AUDIENCE), refused("orders", "Invalid scopes: a")]), 1.0)
    assert watched.refusal and watched.refusal.reason == NOT_IN_AUDIENCE and watched.refusal.subject == "web"


class Server:
    """Stored events, newest first, in pages as Keycloak gives them."""

    def __init__(self) -> None:
        self.stored: list[dict[str, Any]] = []

    def get(self, at: str, *, first: str, max: str) -> list[dict[str, Any]]:
        path, _, kinds = at.partition("?type=")
        assert path == "/admin/realms/r/events"
        asked = [each for each in self.stored if each["type"] in kinds.split("&type=")]
        return sorted(asked, key=lambda each: -int(each["time"]))[int(first) :][: int(max)]


def test_each_event_is_given_once_also_one_that_is_stored_late() -> None:
    server = Server()
    seen = NewEvents(realm_for(server, "r"), 10.0)  # type: ignore[arg-type]
    server.stored = [done("web", "na", time=time) for time in (9_000, 11_000, 12_000)]
    assert [each.at for each in seen.new()] == [11.0, 12.0]
    assert seen.new() == []
    server.stored += [done("web", "na", time=time) for time in (11_500, 13_000)]
    assert [each.at for each in seen.new()] == [11.5, 13.0]
    server.stored += [done("web", "na", time=20_000 + number) for number in range(1_234)]
    assert len(seen.new()) == 1_234 and seen.new() == []


def test_a_realm_without_events() -> None:
    keycloak = Keycloak(Server())  # type: ignore[arg-type]
    assert keycloak.latest("r") == 0 and keycloak.known_refusals("r", 0) == frozenset()


def test_the_hour_before_a_switch() -> None:
    server = Server()
    server.stored = [
        {**refused("web", name, by_standard=False), "time": time} for name, time in (("old", 1), ("new", 4_000_000))
    ]
    keycloak = Keycloak(server)  # type: ignore[arg-type]
    assert keycloak.latest("r") == 4_000
    assert keycloak.known_refusals("r", 4_000.001) == {("web", "new")}
