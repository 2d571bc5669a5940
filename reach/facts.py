"""What a program asks the server before it registers anything, and what the server answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kcadmin.authz.exchange_permission import Overview
from kcadmin.objects.audience_scopes import AudienceScope
from kcadmin.objects.features import Features
from kcadmin.objects.writers import Mark
from reach.gates import Openings, Role
from reach.near import Near


@dataclass(frozen=True)
class ClientFacts:
    """The facts about a client that a grant needs.

    switch_owners: the stacks that turned the standard exchange on; none where it was on before them.
    audiences: what mappers put into its tokens, with our mark of the exchange. bound_by: see ``reach.fitness.bound_by``.
    scopes: the client scopes that it has. marks: stacks' marks and claims on it. full_scope_returns: see ``reach.gates``.
    """

    uuid: str
    client_id: str
    enabled: bool
    public: bool
    bearer_only: bool
    openid_connect: bool
    consent_required: bool
    service_account: bool
    standard_flow: bool
    direct_access_grants: bool
    switch_on: bool
    switch_owners: tuple[str, ...]
    audiences: Mapping[str, str | None]
    refresh_on: bool = False
    full_scope: bool = True
    full_scope_returns: bool = False
    logs_users_in: bool = True
    bound_by: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Own:
    """What the stack's state contains.

    It is read if something has another owner, which may be this stack's former one, or if a mapper with this stack's mark
    would void a condition.

    owners: of its objects, without their grants. policies: the mark of each that it made for a legacy exchange, by realm and
    name. scopes: (realm, name) of the client scopes that it made. mappers: (realm, client's UUID, included client, number).
    numbers: of its resources.
    places: an owner, and the UUID of a client or the name of an object at which the stack has something with that owner.
    """

    owners: frozenset[str] = frozenset()
    policies: Mapping[tuple[str, str], str] = field(default_factory=dict)
    scopes: frozenset[tuple[str, str]] = frozenset()
    mappers: frozenset[tuple[str, str, str, str]] = frozenset()
    numbers: frozenset[str] = frozenset()
    places: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Gate:
    """A client whose tokens will have a target in aud for some users only, or on request.

    full_scope_goes: the run switches full scope off. received: the target exchanges these tokens itself.
    """

    realm: str
    client: str
    target: str
    full_scope_goes: bool = False
    on_request: bool = False
    received: bool = False


@dataclass(frozen=True)
class Coming:
    """What the same run may still make, so that it need not exist.

    Clients and roles as in ``Questions``. unknown: texts in place of names that are not known yet; any of them may be any
    name.
    """

    realms: frozenset[str] = frozenset()
    clients: frozenset[tuple[str, str]] = frozenset()
    roles: frozenset[tuple[str, str, str]] = frozenset()
    unknown: frozenset[str] = frozenset()

    def knows(self, *names: str) -> bool:
        """Whether these are known names, which can be compared."""
        return self.unknown.isdisjoint(names)


@dataclass(frozen=True)
class Facts:
    """What the server answered. A client that does not exist is absent; a realm that does not is in ``missing_realms``.

    ``permissions``: by realm, what holds legacy grants there; asked only where some grant may be legacy.
    missing_roles: (realm, client id or "", role) of those asked for that do not exist. role_parts: the roles in composite
    ones. openings: of the requested gates. replacing: by client, the mappers that may remove from aud what a grant adds.
    other_audiences: for the requested clients, what adds audiences besides their own to their tokens.
    scopes: the requested client scopes that exist. marks: by realm, those on other objects than clients, as far as read.
    had: by a grant's name, its exchange after the last run, if the server does not offer that now.
    """

    features: Features | None
    clients: Mapping[tuple[str, str], ClientFacts]
    missing_realms: frozenset[str] = frozenset()
    permissions: Mapping[str, Overview] = field(default_factory=dict)
    missing_roles: frozenset[tuple[str, str, str]] = frozenset()
    openings: Mapping[Gate, Openings] = field(default_factory=dict)
    other_audiences: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    scopes: Mapping[tuple[str, str], AudienceScope] = field(default_factory=dict)
    role_parts: Mapping[tuple[str, str, str], frozenset[Role]] = field(default_factory=dict)
    replacing: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    marks: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict)
    own: Own = Own()
    had: Mapping[str, str] = field(default_factory=dict)
    coming: Coming = Coming()
    near: Near = field(default_factory=Near, compare=False)


@dataclass(frozen=True)
class Questions:
    """What a program asks. ``switches``: clients to switch to the standard exchange, if that is used.

    ``permissions``: realms in which a grant may depend on the legacy permissions.
    made: (realm, name, target) of the client scopes that conditional grants make.
    named_in: clients whose tokens must have another in aud.
    """

    clients: frozenset[tuple[str, str]]
    ask_features: bool
    permissions: frozenset[str] = frozenset()
    switches: frozenset[tuple[str, str]] = frozenset()
    roles: frozenset[tuple[str, str, str]] = frozenset()
    gates: frozenset[Gate] = frozenset()
    exact: frozenset[tuple[str, str]] = frozenset()
    scopes: frozenset[tuple[str, str]] = frozenset()
    made: frozenset[tuple[str, str, str]] = frozenset()
    named_in: frozenset[tuple[str, str]] = frozenset()
