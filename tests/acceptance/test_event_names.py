"""Events of clients with odd ids, read as what was asked for: random ids and audiences, by both exchanges."""

import random

import pytest
import requests

from exchange.migrate.progress import Call, Moving, Stage
from exchange.migrate.watch import is_legacy_use
from kcadmin.objects.event_audiences import ClientIds
from kcadmin.objects.events import read_events
from kcadmin.objects.realm import Realm
from kcadmin.rest.tokens import ACCESS_TOKEN_TYPE, ClientCredentials, TokenEndpoint
from tests.conftest import MakeRealm
from tests.support.realms import TOKEN_EXCHANGE, TestRealm

pytestmark = pytest.mark.standard_exchange
SWITCH = {"attributes": {"standard.token.exchange.enabled": "true"}}
WORDS = ("Test", "API", "api/v1", "✓", "(a)", "b,", "é%", "x_y", "v2")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_audiences_of_random_ids(make_realm: MakeRealm, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    ids = _random_ids(chance)
    clients = {name: dict(SWITCH) if number % 2 else {} for number, name in enumerate(ids)}
    realm = make_realm("legacy", **{"the source": dict(SWITCH), **clients})
    for name in ids:
        realm.mapper("the source", f"for {name}", name)
    realm.session.put(realm.at("events", "config"), {"eventsEnabled": True, "eventsExpiration": 3600})
    token = realm.user_token("the source")
    expected = [_recipient(realm, token, name, standard="attributes" in clients[name]) for name in ids]
    expected += [_requester(realm, token, chance.sample(ids, chance.randint(1, 3))) for _ in range(6)]

    there = Realm(realm.session, realm.name)
    events = [*read_events(there, ids=ClientIds(there, ids[:3]))][::-1]
    assert len(events) == len(expected)
    for event, (requester, asked) in zip(events, expected, strict=True):
        assert event.allowed and event.requester == requester
        assert frozenset(asked) in event.audiences.readings if asked else not event.audiences, event
    legacy = [event for event in events if event.exchange == "legacy"]
    assert len(legacy) == sum(1 for made in clients.values() if not made)
    for event in legacy:
        used = Moving(
            "g", realm.name, (), event.requester, (Call("recipient", "s", event.requester),), Stage.BOTH, True, {}
        )
        assert is_legacy_use(event, [used])


def _random_ids(chance: random.Random) -> list[str]:
    """Six, of which some begin others."""
    ids = {" ".join(chance.sample(WORDS, chance.randint(1, 3))) for _ in range(4)}
    ids |= {f"{each} {chance.choice(WORDS)}" for each in sorted(ids)[:2]}
    return sorted(ids)


def _recipient(realm: TestRealm, token: str, client: str, *, standard: bool) -> tuple[str, tuple[str, ...]]:
    """The standard exchange's token for a recipient without a mapper of its own names nobody."""
    TokenEndpoint(realm.session, realm.name).exchange(ClientCredentials(client, "s"), token)
    return client, () if standard else (client,)


def _requester(realm: TestRealm, token: str, audiences: list[str]) -> tuple[str, tuple[str, ...]]:
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN_TYPE}
    login = {"client_id": "the source", "client_secret": "s"}
    answer = requests.post(
        f"{realm.url}/realms/{realm.name}/protocol/openid-connect/token",
        data=[*form.items(), *login.items(), *(("audience", each) for each in audiences)],
        timeout=120,
    )
    assert answer.ok, answer.text
    return "the source", tuple(audiences)
