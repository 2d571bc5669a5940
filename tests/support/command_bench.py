"""Commands of ``python -m exchange`` in this process, on a stack that is up, through a proxy; and how they must end."""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from exchange.audit.audit import Audit
from exchange.cli import app
from exchange.migrate import apply
from kcadmin.rest import transport
from local.keycloak import Server
from reach.proof import USER, USER_PASSWORD
from tests.support.engine import forget
from tests.support.exported import exported
from tests.support.in_process import Stack
from tests.support.proxy import TOKEN, Given, Proxy, proxy_before
from tests.support.realms import PASSWORD, TestRealm

PULUMI = """#!/bin/sh
case "$1 $2" in
"stack export") cat {0}/export ;;
"config --json") cat {0}/config ;;
"config set-all"|"config rm-all"|"preview --expect-no-changes"|"up --yes") test -n "$DEPLOYS" ;;
*) false ;;
esac || {{ echo "error: pulumi does nothing here"; exit 255; }}
"""
STARTED = time.time()
LOOKS = 2
"""How often the audit looks for new events before a person ends it."""
GONE = r"\bgone\b|no such realm|does not exist|deleted it"
ROLES = "realm-management role"
STARTS = re.compile(r"(error|warning|note|hint): \S|deny: will try|Nothing was changed|Tip: |Realm '")


@dataclass
class Bench:
    """A realm with a stack of both exchanges, a ``pulumi`` that only reads it, and the proxy before the server."""

    realm: TestRealm
    proxy: Proxy
    folder: Path
    env: dict[str, str | None] = field(repr=False)
    clean: dict[str, tuple[Result, list[str]]] = field(default_factory=dict, repr=False)
    answers: dict[str, dict[str, Given]] = field(default_factory=dict, repr=False)
    looks: int = 0
    slept: float = 0.0

    def run(self, arguments: tuple[str, ...]) -> Result:
        """A command in a process that knows nothing. A migration that watches goes on; the stack stays as it is."""
        forget()
        self.proxy.seen.clear()
        self.looks = 0
        if arguments[0] == "bootstrap":
            key = str(self.folder / "robot.pem")
            arguments = (*arguments, "--url", self.proxy.url, "--realm", self.realm.name, "--key", key)
            arguments = tuple(each for each in arguments if "--remove" not in arguments or each not in ("--key", key))
        env = {**self.env, "DEPLOYS": "yes" if "--grace" in arguments else None}
        return CliRunner().invoke(app, list(arguments), env=env, prog_name="exchange")

    def now(self) -> float:
        """The clock of a migration. Requests take no time of it: so a watch looks equally often on every machine."""
        return STARTED + self.slept

    def sleep(self, seconds: float) -> None:
        """Passes a migration's time."""
        self.slept += seconds

    def wait(self, _: float) -> None:
        """Between two looks of the audit."""
        self.looks += 1
        if self.looks > LOOKS:
            raise KeyboardInterrupt

    def usual(self, name: str, arguments: tuple[str, ...]) -> tuple[Result, list[str]]:
        """What comes of a command without a fault, and what it asks."""
        if name not in self.clean:
            self.proxy.fault = None
            result = self.run(arguments)
            assert told_well(result) is None, (result.output, result.stderr)
            self.clean[name] = result, list(self.proxy.seen)
        return self.clean[name]

    @contextmanager
    def remembered(self, name: str, arguments: tuple[str, ...]) -> Iterator[tuple[Result, list[str]]]:
        """As ``usual``, of a command that writes nothing. Within it the server is not asked again what it has answered then.

        That is a third of the time, and the command reads the same.
        """
        if name not in self.answers:
            self.proxy.noted = {}
            self.usual(name, arguments)
            self.answers[name], self.proxy.noted = said_once(self.proxy.noted), None
        self.proxy.known = self.answers[name]
        try:
            yield self.clean[name]
        finally:
            self.proxy.known = {}


@contextmanager
def bench_on(server: Server, folder: Path, *, legacy: bool = True) -> Iterator[Bench]:
    """A bench on a server. legacy: that offers both exchanges."""
    realm = TestRealm.make(server.url, server.admin_password)
    with proxy_before(realm.url) as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setattr("kcadmin.rest.waiting.SHORTEST_SECONDS", 0)
        stack = Stack(replace(realm.connection, url=proxy.url), guards=("requesters",), events=True)
        common = {"realm": realm.name, "sources": ["frontend"], "target": "api"}
        declared = [
            {**common, "name": "old", "exchange": "legacy", "flows": ["requester"]},
            {**common, "name": "new", "exchange": "standard", "flows": ["recipient"]},
        ]
        declared = declared if legacy else declared[1:]
        stack.up(*declared)
        config = {"url": proxy.url, "realm": realm.name, "owner": stack.owner, "grants": json.dumps(declared)}
        resources = [
            {"urn": urn, "id": str(each), **held} for each, (urn, held) in enumerate(stack.held()["outputs"].items())
        ]
        texts = {
            "config": {f"keycloak-token-exchange:{key}": {"value": value} for key, value in config.items()},
            "export": json.loads(exported(stack.exported, {"url": proxy.url, "realm": realm.name}, *resources)),
        }
        for name, text in texts.items():
            (folder / name).write_text(json.dumps(text))
        (folder / "pulumi").write_text(PULUMI.format(folder))
        (folder / "pulumi").chmod(0o700)
        env = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "KEYCLOAK_ADMIN_PASS": realm.admin_password,
            USER: realm.user,
            USER_PASSWORD: PASSWORD,
        }
        patch.setattr("time.sleep", lambda seconds: None)
        patch.setattr(transport, "READ_SECONDS", 30)
        bench = Bench(realm, proxy, folder, dict(env))
        patch.setattr(Audit.follow, "__defaults__", (bench.wait,))
        patch.setattr(apply.Migration.__init__, "__kwdefaults__", {"clock": bench.now, "sleep": bench.sleep})
        patch.setattr(apply, "POLL_SECONDS", 60.0)  # of a slow `pulumi`, meanwhile
        yield bench
        proxy.fault = None
        stack.destroy()
    realm.remove()


def told_well(result: Result) -> str | None:
    """What is wrong with how a command ended."""
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return f"{type(result.exception).__name__}: {result.exception}"
    if result.exit_code not in (0, 1, 2, 3, 4):
        return f"exit code {result.exit_code}"
    text = result.stdout + result.stderr
    if "Traceback" in text or 'File "' in text or "\x1b" in text:
        return "a traceback, or control characters"
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    if result.exit_code in (2, 4) and len(errors) != 1:
        return f"{len(errors)} errors"
    odd = [line for line in result.stderr.splitlines() if not STARTS.match(line)]
    return f"a line that is none: {odd[0]!r}" if odd else None


@dataclass(frozen=True)
class Ended:
    """How a command ended, of whose requests one met a fault, by name. usual: how it ends without, and what it asks then."""

    result: Result
    fault: str
    request: str
    seen: list[str]
    usual: Result
    asked: list[str]

    @property
    def is_usual(self) -> bool:
        ends = [(each.exit_code, plain(each.stdout)) for each in (self.result, self.usual)]
        return ends[0] == ends[1]

    @property
    def is_asked_again(self) -> bool:
        return self.seen.count(self.request) > self.asked.count(self.request)

    def says(self, pattern: str) -> bool:
        """Whether it says so, and does not without the fault."""
        texts = [each.stdout + each.stderr for each in (self.result, self.usual)]
        return len(re.findall(pattern, texts[0])) > len(re.findall(pattern, texts[1]))

    @property
    def written_twice(self) -> list[str]:
        """The creations that were sent more often than usual; tokens may be."""
        counts, usual = (
            Counter(each for each in every if each.startswith("POST ") and not each.endswith(TOKEN))
            for every in (self.seen, self.asked)
        )
        return [each for each, number in counts.items() if number > max(1, usual[each])]

    @property
    def ends_a_token(self) -> bool:
        """Whether the request is made when the command has done its work."""
        return self.request.endswith(("/openid-connect/logout", "/openid-connect/revoke"))


def said_once(noted: Mapping[str, list[Given]]) -> dict[str, Given]:
    """The answers to what is read, where each of them was the same; those to logins where nothing else is sent.

    A token that has ended since is as good as another one then.
    """
    once = {asked: given[0] for asked, given in noted.items() if all(each[::2] == given[0][::2] for each in given)}
    own = [asked for asked in noted if not asked.startswith("GET ")]
    with_logins = all(asked.startswith("POST /realms/master/") and asked in once for asked in own)
    return {asked: given for asked, given in once.items() if with_logins or asked.startswith("GET ")}


def plain(text: str) -> str:
    """Without what differs from run to run."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\beyJ\S+|\d+", "*", text)
