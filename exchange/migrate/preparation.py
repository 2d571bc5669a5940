"""What both commands read first: the stack, its realms, and what blocks a migration."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exchange.migrate import blocks
from exchange.migrate.plan import Planned, plan_migration
from exchange.migrate.progress import Moving, Stage, movings
from exchange.migrate.runs import StackRuns
from exchange.migrate.server import Keycloak
from exchange.migrate.watch import Known
from exchange.terminal.console import warn_of_connection
from kcadmin.rest.session import session_for
from kcadmin.rest.texts import named
from reach.survey import Progress, Survey, survey


@dataclass(frozen=True)
class Prepared:
    """The chosen grants' plans. unseen: why exchanges cannot be watched. unsure: by realm, see ``Watched``.

    under_way: some migration of the stack has begun, so what `pulumi preview` shows may be its own.
    """

    runs: StackRuns
    keycloak: Keycloak
    planned: list[Planned]
    unseen: list[str]
    unsure: dict[str, Known]
    under_way: bool


def prepare(runs: StackRuns, names: Sequence[str], token_lifetime: int | None, show: Progress) -> Prepared:
    """:param names: of grants; none chooses all. :raises KeycloakError: the stack or the server cannot be read."""
    about = runs.stack()
    about.cases(names)  # refuses a name that is none
    moving, connection = movings(about), about.connection()
    warn_of_connection(connection)
    session = session_for(connection)
    keycloak = Keycloak(session, token_lifetime)
    chosen = [each for each in moving if each.stage is not Stage.STANDARD and (not names or each.name in names)]
    under_way = any(Stage.LEGACY < each.stage < Stage.STANDARD for each in moving)
    if not chosen:
        return Prepared(runs, keycloak, [], [], {}, under_way)
    surveys: dict[str, Survey] = {}
    for realm in sorted({each.realm for each in chosen}):
        surveys[realm] = survey(session, realm, show)
    parts, here = runs.parts(), [each for each in moving if each.realm in surveys]
    planned = plan_migration(here, surveys, parts, keycloak.lives(here), about.config)
    unsure = {
        realm: frozenset(_unsure(chosen, blocks.Situation(each, here, parts, about.config)))
        for realm, each in surveys.items()
    }
    wanted = {each.name for each in chosen}
    unseen = keycloak.unseen(each.realm for each in chosen if each.stage < Stage.ENDING)
    return Prepared(runs, keycloak, [each for each in planned if each.grant.name in wanted], unseen, unsure, under_way)


def blocking_faults(found: Prepared, *, events: bool) -> list[str]:
    """Everything that blocks moving the chosen grants. events: they are to be watched."""
    chosen = {each.grant.name for each in found.planned}
    wrong = []
    for each in found.planned:
        wrong += [(each.grant, f"{block}.") for block in each.blocks]
        if left_out := [name for name in each.together if name not in chosen]:
            shared = f"shares a requester with {', '.join(left_out)}, and one switch moves both; name all of them."
            wrong.append((each.grant, shared))
    told = [f"grant {named(grant.name)} in realm {named(grant.realm)}: {what}" for grant, what in wrong]
    unseen = [f"{why[:-1]}, or give --no-events." for why in found.unseen] if events else []
    return list(dict.fromkeys([*told, *unseen]))


def _unsure(chosen: Iterable[Moving], facts: blocks.Situation) -> Iterable[tuple[str, str]]:
    for client in {client for each in chosen for client in each.requesters}:
        for target, _ in blocks.legacy_ways(client, facts, certain=False):
            yield client, target
