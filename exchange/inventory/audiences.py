"""How clients get into aud of other clients' tokens, in a grant's words: always, for holders of roles, or on request.

What mappers add is read (``reach.audiences``). What only users' roles put into ``aud`` does not become a grant.
https://www.keycloak.org/docs/latest/server_admin/#_audience
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kcadmin.marks.ownership import stack_of
from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL, scope_token
from kcadmin.objects.clients import FULL_SCOPE, Client
from kcadmin.objects.mappers import AudienceMapper
from kcadmin.rest.texts import first_few, named
from reach.audiences import Added
from reach.lightweight import added_in
from reach.roles import RoleFacts, role_reach
from reach.survey import Survey

Roles = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Naming:
    """How one client gets into aud of another's tokens.

    scope: the client scope that carries it, None for a mapper of the client itself. roles: (client id or "", role), of
    which a user must hold one. beside: an existing mapper, if a grant adds its own next to it. owner: the stack that made
    it. fault: why no grant can declare it, and what to do.
    """

    scope: str | None = None
    roles: Roles = ()
    on_request: bool = False
    beside: str | None = None
    owner: str | None = None
    fault: tuple[str, str] | None = None

    @property
    def always(self) -> bool:
        """Whether every token names it."""
        return not self.roles and not self.on_request and self.fault is None


@dataclass(frozen=True)
class _Way:
    """One mapper. exact: it is as a grant makes it, or a grant can use its scope. when: the client policy that it depends on."""

    by: str
    exact: bool
    owner: str | None
    scope: str | None = None
    kind: str = DEFAULT
    roles: Roles = ()
    when: str | None = None


Namings = Mapping[str, Mapping[str, Naming]]


def namings(survey: Survey, facts: RoleFacts) -> Namings:
    """By client id and audience: what puts the audience into its access tokens."""
    opened = role_reach(survey, facts)
    found: dict[str, dict[str, Naming]] = {}
    for name, client in survey.clients.items():
        ways: dict[str, list[_Way]] = {}
        everything = added_in(survey, client)
        setters = [each for each in everything if each.sets]
        for thing in everything:
            if thing.audience is not None:
                ways.setdefault(thing.audience, []).append(_way(survey, facts, client, thing))
        for audience, each in ways.items():
            naming = _naming(name, audience, each)
            if setters:
                naming = replace(naming, fault=naming.fault or _replaced(name, audience, setters))
            if naming.roles and naming.fault is None and audience in survey.clients:
                reached = None if client.is_on(FULL_SCOPE) else opened.carriers.get(name, frozenset())
                carries = reached is None or audience in reached
                others = [role for role in facts.defined.get(audience, ()) if (audience, role) not in naming.roles]
                naming = replace(naming, fault=_open(name, audience, others)) if carries and others else naming
            found.setdefault(name, {})[audience] = naming
    return found


def is_exact(mapper: AudienceMapper) -> bool:
    """Whether a mapper is as a grant makes one, so that it is used unchanged."""
    plain = mapper.access_token and not mapper.id_token and mapper.introspection
    return plain and mapper.included_client is not None and mapper.custom_audience is None


def has_exact(survey: Survey, name: str, audience: str) -> bool:
    """Whether a client has an unmarked audience mapper of its own that is as a grant makes it."""
    own = (each.own for each in added_in(survey, survey.clients[name]))
    return any(each and is_exact(each) and each.included_client == audience and not each.owner for each in own)


def of_any_client(survey: Survey) -> Iterator[tuple[str, str]]:
    """(client id, the mapper in words): clients whose tokens may have any client in aud, since the value is not in the mapper."""
    for name, client in survey.clients.items():
        yield from ((name, each.by) for each in added_in(survey, client) if each.audience is None)


def _way(survey: Survey, facts: RoleFacts, client: Client, each: Added) -> _Way:
    mapper = each.audience_mapper
    needed = [role for scope in each.scopes for role in facts.scope_roles.get(scope.name, ())]
    roles = tuple(sorted(_role(survey, facts, role) for role in needed))
    kind = OPTIONAL if each.on_request else DEFAULT
    if mapper is None:
        renamed = (("", each.renamed),) if each.renamed else ()
        scope = each.scopes[0].name if each.scopes else None
        return _Way(each.by.removeprefix("the "), False, each.owner, scope, kind, roles or renamed, each.when)
    if not each.scopes:
        exact = is_exact(mapper) and not each.when
        return _Way(f"mapper {named(mapper.name)} of {named(client.client_id)}", exact, each.owner, when=each.when)
    name = each.scopes[0].name
    others = [other for other in added_in(survey, client) if other.scopes == each.scopes]
    usable = not each.when and [other.audience for other in others] == [each.audience] and scope_token(name) == name
    return _Way(f"{kind} client scope {named(name)}", usable, each.owner, name, kind, roles, each.when)


def _replaced(client: str, audience: str, setters: Sequence[Added]) -> tuple[str, str]:
    by = first_few([each.by for each in setters], between=" and ")
    return (
        f"tokens of {named(client)} have {named(audience)} in aud, and {by} writes aud itself, which replaces what others add",
        "put an audience mapper in its place",
    )


def _role(survey: Survey, facts: RoleFacts, text: str) -> tuple[str, str]:
    client, slash, role = text.partition("/")
    of_client = slash and client in survey.clients and role in facts.defined.get(client, ())
    return (client, role) if of_client else ("", text)


def _naming(client: str, audience: str, ways: Sequence[_Way]) -> Naming:
    owner = next((stack_of(each.owner) for each in ways if each.owner), None)
    always = [each for each in ways if each.kind == DEFAULT and not each.roles and not each.when]
    if always:
        exact = sorted((each for each in always if each.exact), key=lambda each: (each.scope or "", each.by))
        if exact:
            return Naming(exact[0].scope, owner=owner)
        return Naming(beside=first_few(sorted({each.by for each in always}), between=" and "), owner=owner)
    by = first_few(sorted({each.by for each in ways}), between=" and ")
    first = ways[0]
    naming = Naming(first.scope, first.roles, first.kind == OPTIONAL, owner=owner)
    if len({each.scope for each in ways}) > 1:
        remedy = "leave it to one of them"
        return replace(
            naming,
            fault=(
                f"tokens of {named(client)} have {named(audience)} in aud by {by}, each under its own condition",
                remedy,
            ),
        )
    if not first.exact:
        wrong = f"a grant cannot use {by}, which adds {named(audience)} to aud under a condition"
        return replace(naming, fault=(wrong, f"give it a mapper of {named(audience)} as included client and no other"))
    return naming


def _open(client: str, audience: str, roles: Sequence[str]) -> tuple[str, str]:
    return (
        f"tokens of {named(client)} have {named(audience)} in aud also for users with any role of it ({', '.join(roles)})",
        f"switch full scope of {named(client)} off, or set restrictFullScope in a grant of your own",
    )
