"""Client scopes that each new client gets, or Keycloak's own clients hold: one finding instead of a grant per client."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from exchange.inventory.audiences import Naming, Namings
from exchange.inventory.exchanges import gets_tokens, is_switched_on, unfit_client
from exchange.inventory.remarks import Level, Remark
from kcadmin.objects.client_scopes import DEFAULT
from kcadmin.objects.features import LEGACY
from kcadmin.rest.texts import named, some
from reach.fitness import Position
from reach.introspection import OF_KEYCLOAK
from reach.lightweight import added_in
from reach.survey import Survey


@dataclass(frozen=True)
class SharedNaming:
    """A client scope that everybody holds adds a client to aud."""

    scope: str
    audience: str
    holders: tuple[str, ...]


def split(survey: Survey, names: Namings, of_all: Collection[str]) -> tuple[Namings, list[SharedNaming]]:
    """Audiences from single clients' mappers, and those from a default client scope that everybody holds.

    :param of_all: the scopes that each new client gets. Those that Keycloak's own clients hold count, too.
    """
    carrying = {
        (client, each.audience): {scope.name for scope in each.scopes}
        for client in survey.clients
        for each in added_in(survey, survey.clients[client])
        if each.audience in survey.clients and each.scopes and all(scope.kind == DEFAULT for scope in each.scopes)
    }
    everybodys: dict[tuple[str, str], set[str]] = {}
    for (client, audience), scopes in carrying.items():
        for scope in scopes if client in OF_KEYCLOAK else scopes.intersection(of_all):
            everybodys.setdefault((scope, str(audience)), set())
    kept: dict[str, dict[str, Naming]] = {}
    for client, named_by in names.items():
        for audience, naming in named_by.items():
            shared = [
                each for each in everybodys if each[1] == audience and each[0] in carrying.get((client, audience), ())
            ]
            if shared and not _has_own(survey, client, audience):
                for each in shared:
                    everybodys[each].add(client)
            else:
                kept.setdefault(client, {})[audience] = naming
    return kept, [
        SharedNaming(scope, audience, tuple(sorted(holders)))
        for (scope, audience), holders in sorted(everybodys.items())
    ]


def _has_own(survey: Survey, client: str, audience: str) -> bool:
    """Whether the client itself also has a mapper that adds the audience."""
    return any(each.audience == audience and not each.scopes for each in added_in(survey, survey.clients[client]))


def remarks(survey: Survey, shared: list[SharedNaming]) -> Iterator[Remark]:
    """One for each client that such a scope names."""
    for each in shared:
        holders = [name for name in each.holders if name != each.audience and gets_tokens(survey.clients[name])]
        about = f"client scope {named(each.scope)}"
        says = (
            f"adds {named(each.audience)} to aud in tokens of all {len(holders)} clients that hold it ({some(holders)})"
        )
        if _may_exchange(survey, each.audience):
            says += f", so {named(each.audience)} may exchange them all, and no grant says which of them should be"
            remedy = (
                f"declare a grant of the clients that should be its sources, then take the mapper for {named(each.audience)} "
                "out of that scope"
            )
            yield Remark(Level.LOST, about, says, remedy)
        elif asking := [name for name in holders if is_switched_on(survey, survey.clients[name])]:
            says += f", so those whose switch is on may ask for it: {some(asking)}"
            remedy = "declare grants for those that should, then take the mapper out of that scope"
            yield Remark(Level.LOST, about, says, remedy)
        else:
            yield Remark(Level.EMPTY, about, f"{says}, but nothing exchanges them")


def _may_exchange(survey: Survey, name: str) -> bool:
    client = survey.clients[name]
    if is_switched_on(survey, client):
        return True
    return survey.features.legacy_exchange and not unfit_client(client, name, Position.REQUESTER, LEGACY)
