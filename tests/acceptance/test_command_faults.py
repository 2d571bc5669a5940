"""Each command of ``python -m exchange`` while one of its requests meets a fault: what passes is not noticed, all else is
one sentence. Never a traceback, "gone", advice on roles, or a write that is made twice.

``make test`` gives each command a part of the faults, each at one of its requests, in turn; ``make faults`` all at all of them.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import Result

from kcadmin.marks.ownership import OWNER_KEY
from kcadmin.rest import transport
from tests.conftest import Servers
from tests.support.command_bench import GONE, ROLES, Bench, Ended, bench_on, told_well
from tests.support.proxy import TOKEN
from tests.support.realms import TestRealm
from tests.support.wire_faults import FOREIGN, PASSING, Silence

pytestmark = pytest.mark.exchange_guards

ALL = bool(os.environ.get("ALL_FAULTS"))
SHARE, SHARE_OF_WRITING, SHARE_OF_LONG = 12, 24, 36
PATIENCE_SECONDS = 1.0  # also of the requests before the silence
ANOTHER = "another/exchange/prod"
COMMANDS: dict[str, tuple[str, ...]] = {
    "doctor": ("doctor",),
    "doctor of two clients": ("doctor", "--source", "frontend", "--target", "api", "--json"),
    "graph": ("graph", "--json"),
    "audit": ("audit", "--summary", "--json"),
    "audit of what is unused": ("audit", "--unused", "1"),
    "inventory": ("inventory", "--json"),
    "verify": ("verify", "--read-secrets"),
    "dry run": ("verify", "--dry-run", "--json"),
    "verify and deny": ("verify", "--read-secrets", "--deny"),
    "migrate plan": ("migrate", "plan", "--json"),
    "migrate apply": ("migrate", "apply", "--yes", "--no-events"),
    "migrate apply that watches": ("migrate", "apply", "--yes", "--grace", "0.2", "--token-lifetime", "1"),
    "audit that follows": ("audit", "--follow", "--json"),
    "rebind": ("rebind", "--dry-run", "--json"),
    "release without an owner": ("release", "--json"),
    "release that shows": ("release", "--owner", ANOTHER, "--dry-run"),
}
"""Those that write nothing but tokens. The ``pulumi`` of these tests deploys nothing; to a watch it says that it did."""
WRITING: dict[str, tuple[str, ...]] = {
    "release": ("release", "--owner", ANOTHER, "--yes"),
    "bootstrap": ("bootstrap", "--client-id", "made-robot"),
    "bootstrap, removed": ("bootstrap", "--client-id", "made-robot", "--remove"),
    "bootstrap for one client": ("bootstrap", "--client-id", "made-robot", "--only", "frontend"),
    "bootstrap for one client, removed": ("bootstrap", "--client-id", "made-robot", "--remove"),
}


@pytest.fixture(scope="module")
def bench(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_on(servers("legacy"), tmp_path_factory.mktemp("bench")) as its:
        yield its


@pytest.fixture(scope="module")
def standard_bench(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The realm's admin permissions, which limit a robot to clients, are not to be had beside the legacy exchange."""
    with bench_on(servers("standard"), tmp_path_factory.mktemp("bench"), legacy=False) as its:
        yield its


def places(name: str, number: int, faults: dict[str, Any], share: int = SHARE) -> Iterator[tuple[str, int]]:
    """Which fault meets which request of a command."""
    first = [*COMMANDS, *WRITING].index(name)
    for turn, fault in enumerate(faults):
        if ALL or turn % share == first % share:
            for at in range(number) if ALL else ((first + turn * 7) % number,):
                yield fault, at


AS_IF_ENDED = ("early hints", "half a JSON", "no content, with some")
"""Where a token is ended, Keycloak's answer has no body: these come with the same."""
Judge = Callable[[Ended], str | None]


def wrongs(bench: Bench, name: str, faults: dict[str, Any], judge: Judge) -> str:
    """What came of a command with each fault that is not as it must be."""
    with bench.remembered(name, COMMANDS[name]) as (usual, asked):
        return "\n".join(_wrongs(bench, name, faults, judge, usual, asked))


def _wrongs(
    bench: Bench, name: str, faults: dict[str, Any], judge: Judge, usual: Result, asked: list[str]
) -> Iterator[str]:
    for fault, at in places(name, len(asked), faults):
        bench.proxy.fault, bench.proxy.at = faults[fault], at
        result = bench.run(COMMANDS[name])
        bench.proxy.at = -1
        seen = list(bench.proxy.seen)
        ended = Ended(result, fault, seen[at] if at < len(seen) else "nothing", seen, usual, asked)
        wrong = told_well(result) or judge(ended)
        if not wrong and ended.written_twice and "429" not in fault:
            wrong = f"written twice: {ended.written_twice}"
        if wrong:
            yield f"{name}, {fault} at {at} {ended.request}: {wrong}; {result.exit_code} {result.stderr[:300]}"


@pytest.mark.parametrize("name", COMMANDS)
def test_what_passes_is_not_noticed(bench: Bench, name: str) -> None:
    def judge(ended: Ended) -> str | None:
        if ended.ends_a_token and ended.fault not in AS_IF_ENDED:
            told = "was not ended" in ended.result.stderr or "may not be ended" in ended.result.stderr
            if not ended.is_usual or not (told or ended.is_asked_again):
                return "a token that was not ended, in silence, or another end than usual"
            return None
        if not ended.request.startswith("GET ") and not ended.request.endswith("/realms/master" + TOKEN):
            return None
        return None if ended.is_usual else f"another end than usual: {ended.result.stdout[-100:]!r}"

    assert not (wrong := wrongs(bench, name, PASSING, judge)), wrong


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_not_keycloaks_ends_in_one_sentence(bench: Bench, name: str) -> None:
    def judge(ended: Ended) -> str | None:
        if ended.says(ROLES):
            return "advice on roles"
        if ended.says(GONE):
            return "gone"
        if ended.ends_a_token and ended.fault in AS_IF_ENDED:
            return None
        silent = ended.is_usual and not ended.is_asked_again and not ended.says("warning: ")
        return "passed over in silence" if silent else None

    assert not (wrong := wrongs(bench, name, FOREIGN, judge)), wrong


@pytest.mark.parametrize("name", COMMANDS)
def test_a_server_that_hangs_is_waited_for_once(bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    silence = Silence(threading.Event())
    monkeypatch.setattr(transport, "READ_SECONDS", PATIENCE_SECONDS)
    with bench.remembered(name, COMMANDS[name]) as (usual, requests):
        try:
            last = len(requests) - 1
            for since in range(len(requests)) if ALL else (0, len(requests) // 2, last):
                bench.proxy.fault = silence
                bench.proxy.each = lambda _, since=since: len(bench.proxy.seen) > since
                result = bench.run(COMMANDS[name])
                if len(bench.proxy.seen) <= since:  # an audit reads so many pages as there are events
                    continue
                ended = Ended(result, "silence", bench.proxy.seen[since], list(bench.proxy.seen), usual, requests)
                assert told_well(result) is None, (since, ended)
                if ended.ends_a_token and len(bench.proxy.seen) >= len(requests):  # else the rest is not asked for
                    assert ended.is_usual and "not ended" in result.stderr, (since, ended)
                else:
                    assert result.exit_code or ended.says("warning: "), (since, ended)
                assert len(bench.proxy.seen) <= since + 8, "each of a few threads waits once"
                assert not re.search(GONE, result.stderr), result.stderr
        finally:
            bench.proxy.each = bench.proxy.fault = None
            silence.over.set()


def prepare(bench: Bench, name: str) -> None:
    """What a writing command needs: another owner's mapper, no robot, or one."""
    realm = bench.realm
    if name == "release" and not left_by_another(realm):
        realm.mapper("frontend", "left", "api", **{OWNER_KEY: ANOTHER})
    if name.startswith("bootstrap"):
        assert bench.run(WRITING["bootstrap, removed"]).exit_code == 0
        assert not is_permitted(realm), "the realm's admin permissions are on, and nobody has some"
        (bench.folder / "robot.pem").unlink(missing_ok=True)
    if name.endswith(", removed"):
        assert bench.run(WRITING[name.removesuffix(", removed")]).exit_code == 0


def is_permitted(realm: TestRealm) -> bool:
    return bool(realm.get().get("adminPermissionsEnabled"))


def left_by_another(realm: TestRealm) -> list[str]:
    return [each["name"] for each in realm.client("frontend")["protocolMappers"] if each["name"] == "left"]


def robots(realm: TestRealm) -> list[str]:
    return [each["clientId"] for each in realm.get("clients") if each["clientId"].startswith("made-robot")]


@pytest.mark.parametrize("name", WRITING)
def test_a_command_that_writes_is_done_once_or_told_and_done_by_the_next_run(
    request: pytest.FixtureRequest, name: str
) -> None:
    bench: Bench = request.getfixturevalue("standard_bench" if "one client" in name else "bench")
    prepare(bench, name)
    usual, asked = bench.usual(name, WRITING[name])
    wrong = []
    share = SHARE_OF_LONG if "one client" in name else SHARE_OF_WRITING
    for fault, at in places(name, len(asked), {**PASSING, **FOREIGN}, share):
        prepare(bench, name)
        bench.proxy.fault, bench.proxy.at = {**PASSING, **FOREIGN}[fault], at
        result = bench.run(WRITING[name])
        bench.proxy.at = -1
        seen = list(bench.proxy.seen)
        ended = Ended(result, fault, seen[at] if at < len(seen) else "nothing", seen, usual, asked)
        told = told_well(result)
        if not told and fault in FOREIGN and (ended.says(ROLES) or ended.says(GONE)):
            told = "advice on roles, or gone"
        if not told and "429" not in fault and ended.written_twice:
            told = f"written twice: {ended.written_twice}"
        again = bench.run(WRITING[name])
        told = told or told_well(again) or (f"the next run fails: {again.stderr}" if again.exit_code else None)
        is_there = name.startswith("bootstrap") and not name.endswith(", removed")
        expected = ["made-robot"] if is_there else []
        if "one client" in name and is_permitted(bench.realm) != is_there:
            told = told or f"the realm's admin permissions are {'off' if is_there else 'on'}"
        left = robots(bench.realm) if name.startswith("bootstrap") else left_by_another(bench.realm)
        if left != expected:
            told = told or f"left: {left}"
        if told:
            wrong.append(f"{fault} at {at} {ended.request}: {told}; {result.exit_code} {result.stderr[:400]}")
    assert not wrong, "\n".join(wrong)
