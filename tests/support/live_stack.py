"""A stack with all kinds of grants in a realm of a server of its own, beside which the server changes."""

from pathlib import Path
from typing import Any

from kcadmin.marks.packed import each_of
from local.keycloak import Server, number
from local.layout import keycloak_version
from tests.e2e import states
from tests.e2e.exchanges import BOTH, as_it_was, exchanged, grant
from tests.e2e.stack import Stack
from tests.support.exports import but_for_numbers
from tests.support.realms import TestRealm

CLIENTS = ("frontend", "api", "desk", "vault", "shop", "store", "alone")
ROLES_AT_REQUESTERS_SINCE = (26, 0)
"""In the legacy exchange; an older server answers 500."""


class LiveStack:
    """The stack, its realm, and the realm's export before it."""

    def __init__(
        self,
        folder: Path,
        pulumi: Path,
        server: Server,
        exchange: str,
        resources: str = "each",
        *,
        first: int | None = None,
        version: str | None = None,
        alone: bool = False,
        auto: bool = False,
        **config: Any,
    ) -> None:
        """Makes the realm and brings the stack up. first: so many of the grants. alone: with resources beside grants.

        auto: the stack leaves the exchange to the server. version: the server's, where it is not that of the run.
        config: further keys of the stack.
        """
        self.exchange = exchange
        self.realm = realm_at(server)
        if alone:
            self.realm.mapper("alone", states.FOUND["name"], "api", **{"id.token.claim": "true"})
        self.before = self.realm.export()
        self.stack = Stack(folder, pulumi, server, self.realm.name, folder.name)
        if alone:
            states.run_program(self.stack)
        self.stack.configure(
            *grants(exchange, version)[:first],
            **{"exchange": "auto" if auto else exchange, "resources": resources, "events": True, **config},
        )
        self.bring_up()

    def bring_up(self) -> None:
        """Runs ``up``, and notes what the realm is then."""
        self.stack.up("--skip-preview")
        self.up = but_for_numbers(self.realm.export())

    def held(self) -> set[str]:
        """The URNs of the state's resources, and of parts of grants as if each were one."""
        return {each["urn"] for each in each_of({"urn": urn, **each} for urn, each in self.stack.export().items())}

    def at(self, server: Server) -> None:
        """The server was started again."""
        self.realm.session = type(self.realm.session)(self.realm.connection)
        self.stack.use(server)

    def refused(self, *args: str, words: tuple[str, ...]) -> str:
        """A command fails, with these words, and the state keeps what it had."""
        said = self.stack.refused(*args).output
        for each in words:
            assert each in said, said
        return said

    def said(self, *args: str) -> str:
        """What one of our commands says; never a traceback."""
        done = self.stack.exchange(*args)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done.stdout + done.stderr

    def still_works(self) -> None:
        """Nobody writes, and a plain, a conditional and a third client's grant give their tokens."""
        run = self.stack.up("--refresh", "--skip-preview", "--expect-no-changes")
        assert not run.writes, run.writes
        exchanged(self.realm, "frontend", "api", self.exchange, asks=True)
        exchanged(self.realm, "vault", "vault", self.exchange, source="desk")
        exchanged(self.realm, "api", "vault", self.exchange, asks=True)

    def quiet(self) -> None:
        """The same, and the realm is as it was after ``up``."""
        self.still_works()
        assert but_for_numbers(self.realm.export()) == self.up

    def leave(self, untouched: TestRealm | None = None) -> None:
        """All of it goes, and the realm is as it was before, or as one that had no stack."""
        self.stack.destroy("--skip-preview")
        as_it_was(self.realm, untouched.export_as(self.realm) if untouched else self.before, self.exchange)
        assert self.stack.export() == {}


def realm_at(server: Server) -> TestRealm:
    """A realm for a stack, and what its grants need."""
    realm = TestRealm.make(server.url, server.admin_password, {name: {} for name in CLIENTS})
    realm.add_role("clerk", realm.user)
    return realm


def grants(exchange: str, version: str | None = None) -> list[dict[str, Any]]:
    """A plain one, one for holders of a role, one of a third client, and one of the exchange's own kinds."""
    flows = BOTH if number(version or keycloak_version()) >= ROLES_AT_REQUESTERS_SINCE else ["recipient"]
    own = (
        grant("hours", source="shop", flows=["requester"], timeWindow={"start": "00:00", "end": "23:59"})
        if exchange == "legacy"
        else grant("asked", source="shop", target="store", audience="optionalScope", allowRefresh=True)
    )
    return [
        grant("plain"),
        grant("few", source="desk", target="vault", requiredRoles=["clerk"], restrictFullScope=True, flows=flows),
        grant("three", target="vault", requester="api", tokenLifespan=60),
        own,
    ]
