"""Answers of a real server in which one value is another: a run or a command ends well or in one sentence, whatever it was.

What a real server answers is recorded, and played again with each place of each kind of answer changed. ``make test`` changes
some of them, ``make faults`` thousands (FAULTS_SEED=…: other ones).
"""

import copy
import json
import os
import re
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from exchange.audit.audit import Audit, Wanted
from exchange.doctor.doctor import Asked, Doctor
from exchange.doctor.realm_reader import AnswerCache
from exchange.graph.command import _look
from exchange.inventory import config_file
from exchange.stack.place import Place
from exchange.stack.stack import StackOutputs
from exchange.verify.verify import verify
from kcadmin.objects.client_secrets import ClientSecrets
from kcadmin.objects.features import read_features
from kcadmin.rest.answers import Answer
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.redaction import redacted
from kcadmin.rest.session import Session
from reach.proof import Subject
from tests.support.engine import forget
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

MANY = bool(os.environ.get("ALL_FAULTS"))
SEED = os.environ.get("FAULTS_SEED", "1")
PARTS = (
    {"life": 500} | dict.fromkeys(("doctor", "inventory", "graph", "audit", "verify"), 1000) if MANY else {"life": 6}
)
"""How many of the places are changed; of a command 15. All of them, each to every value, would take days."""
VALUES = (
    None,
    7,
    -1.5,
    True,
    "x",
    "",
    "..",
    [],
    {},
    [None],
    ["x"],
    [[]],
    [{}],
    {"a": None},
    {"id": 3},
    10**30,
    "x" * 70_000,
)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
Path = tuple[Any, ...]


def places(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every place of a JSON value, of lists the first two."""
    yield at
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*at, key))
    elif isinstance(value, list):
        for index, each in enumerate(value[:2]):
            yield from places(each, (*at, index))


def changed(value: Any, at: Path, other: Any) -> Any:
    """The value with another one at a place; Ellipsis takes it out."""
    if not at:
        return None if other is ... else other
    made = copy.deepcopy(value)
    holder = made
    for step in at[:-1]:
        holder = holder[step]
    if other is ...:
        del holder[at[-1]]
    else:
        holder[at[-1]] = other
    return made


class Tape:
    """What a server answered, recorded once and played again, with one place of one kind of answer changed."""

    def __init__(self) -> None:
        self.recorded: dict[str, list[Answer]] = {}
        self.played: Counter[str] = Counter()
        self.places: dict[str, set[Path]] = {}
        self.change: tuple[str, Path, Any] | None = None
        self.is_playing = False

    def record(self, key: str, answer: Answer) -> Answer:
        self.recorded.setdefault(key, []).append(answer)
        if answer.ok and answer.content:
            self.places.setdefault(kind_of(answer), set()).update(places(json.loads(answer.content)))
        return answer

    def play(self, key: str, method: str, at: str) -> Answer:
        """Of several answers to one question each in turn, and the last one again and again."""
        answers = self.recorded.get(key, [])
        answer = answers[min(self.played[key], len(answers) - 1)] if answers else unknown(method, at)
        self.played[key] += 1
        if self.change is None or not answer.content or kind_of(answer) != self.change[0]:
            return answer
        try:
            return replace(answer, content=json.dumps(changed(json.loads(answer.content), *self.change[1:])).encode())
        except (LookupError, TypeError):  # this one has no such place
            return answer


def kind_of(answer: Answer) -> str:
    at = re.sub(r"/realms/[^/]+", "/realms/*", UUID.sub("*", answer.at))
    return f"{answer.method} {at} {answer.status_code}"


def unknown(method: str, at: str) -> Answer:
    """To what was not asked while it was recorded."""
    if method == "GET":
        return Answer("", method, at, 404, {}, b'{"error": "Could not find it"}', redacted)
    return Answer(
        "", method, at, 201 if method == "POST" else 204, {"Location": "/a/new-id"}, b'{"id": "new-id"}', redacted
    )


@contextmanager
def tape(realm: TestRealm) -> Iterator[Tape]:
    its, original = Tape(), Session._send

    def send(self: Session, method: str, at: str, **what: Any) -> Answer:
        if self is realm.session:
            return original(self, method, at, **what)
        key = f"{method} {at} {sorted((what.get('query') or {}).items())}"
        return its.play(key, method, at) if its.is_playing else its.record(key, original(self, method, at, **what))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "_send", send)
        patch.setattr("kcadmin.objects.realm.read_features", read_features)  # its answer is one of them
        patch.setattr("kcadmin.rest.waiting.SHORTEST_SECONDS", 0)
        patch.setattr("time.sleep", lambda seconds: None)
        yield its


def outcomes(realm: TestRealm, looks: dict[str, Callable[[], object]]) -> list[str]:
    """What came out but a good end or sentences, of a part of all changes."""
    wrong = []
    for name, look in looks.items():
        with tape(realm) as its:
            forget()
            look()
            its.is_playing = True
            every = [(kind, at) for kind, found in sorted(its.places.items()) for at in sorted(found, key=str)]
            for kind, at in sorted(every, key=lambda each: hashed(name, each))[: PARTS.get(name, 15)]:
                for other in sorted((..., *VALUES), key=lambda each: hashed(name, kind, at, each))[: 3 if MANY else 2]:
                    its.change = kind, at, other
                    its.played.clear()
                    forget()
                    if told := outcome(look):
                        wrong.append(f"{name}: {kind} {list(at)} = {other!r:.30}: {told}")
    return wrong


def hashed(*what: object) -> str:
    """An order by chance that is the same on every machine and does not move where a place comes or goes."""
    return sha256(repr((SEED, *what)).encode()).hexdigest()


def outcome(look: Callable[[], object]) -> str | None:
    try:
        look()
    except KeycloakError as problem:
        return None if all("\n" not in each and len(each) < 1500 for each in problem.faults) else str(problem)
    except Exception as problem:
        if type(problem).__name__ in ("RunError", "Refused"):
            return None
        frame = traceback.extract_tb(problem.__traceback__)[-1]
        return f"{type(problem).__name__}: {problem!s:.80} at {'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno}"
    return None


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_no_answer_ends_in_a_traceback(legacy_realm: TestRealm, exchange: str) -> None:
    realm = legacy_realm
    grant: dict[str, Any] = {
        "name": "g",
        "realm": realm.name,
        "exchange": exchange,
        "sources": ["frontend"],
        "target": "api",
        "flows": ["recipient", "requester"],
        "requiredRoles": ["offline_access"],
    }
    connection = realm.connection

    def life() -> None:
        stack = Stack(connection, guards=("requesters", "sources"), events=True)
        stack.up(grant)
        stack.up(grant)
        stack.refresh()
        stack.destroy()

    wrong = outcomes(realm, {"life": life})
    there = Stack(connection, events=True)
    there.up(grant)
    outputs = StackOutputs(there.exported, realm.url, realm.name, {})
    place, user = Place(connection, realm.name, outputs), Subject(realm.user, "")
    cases = outputs.cases()

    def session() -> Session:
        return Session(connection)

    commands: dict[str, Callable[[], object]] = {
        "doctor": lambda: Doctor(AnswerCache(session()), Asked(as_user=realm.user)).examine(cases),
        "inventory": lambda: config_file.take_inventory(session(), realm.name, lambda what: None),
        "graph": lambda: _look(place, lambda what: None),
        "audit": lambda: list(Audit(place).records(Wanted())),
        "verify": lambda: verify(session(), cases, user, ClientSecrets(session(), {}, read=True), dry_run=True),
    }
    wrong += outcomes(realm, commands)
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(sorted(set(wrong))[:80])
