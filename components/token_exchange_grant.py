"""``TokenExchangeGrant``: source clients may act, through an exchange, at a target client."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pulumi
from pulumi.runtime import get_root_resource

from components.bulk import InBulk
from components.grant_options import handed_on, hold, option_faults
from components.late_arguments import Client, LateArguments, Role, Sources, late_arguments, waits_for_others
from components.late_grant import LateNames, described, own_connection, plan_late
from components.left_out import watch_left_out
from components.legacy_parts import register_legacy_parts
from components.names import Names
from components.news import new_or_changed, tell_changes
from components.other_keycloak import shared_parts_at
from components.own_parts import had_before, judge_marks, own, with_kept_scopes, with_taken_over
from components.proofs import register_proofs
from components.registration import register_in_turn
from components.settings import REALM, read_defaults, read_settings
from components.shared_parts import SharedParts
from grants.description import describe
from grants.fault import GrantFault, told_once
from grants.plan import GrantPlan, questions
from grants.policy_facts import policy_facts
from grants.spec import GrantSpec, checked_grant
from kcadmin.objects.realm import realms_of_run
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.misread import misreadings
from providers.base import messages
from providers.base.connections import Server, give
from providers.base.face import config_value, is_package
from providers.base.identity import taken_over_by
from providers.base.own_state import GRANT, own_state_at, stack_name
from providers.base.place import stack_of_program
from providers.base.resource import short_traces
from providers.checks.judge import judge
from reach import preflight

NOT_IN_BULK = (
    "config 'resources': is realm, which register_grants does not do; await register_many_grants with in_bulk, or set "
    "it to each."
)
NO_ARGUMENTS = ("self", "planned", "shared", "opts", "__class__")  # of those of a grant: not the grant's own


class TokenExchangeGrant(pulumi.ComponentResource):
    """Wires sources, a target and perhaps a third client, so that the exchanges it names work (RFC 8693).

    :param name: the grant's name in its stack.
    :param sources: client ids that users' tokens are issued for, or a mapping whose keys name the resources of a late grant.
        target: the client id that exchanged tokens are for. Each client may be an output or a resource with ``client_id``:
        then the grant is late, and its check judges it once they are known.
    :param flows: ``recipient`` (the target exchanges what it received; the default), ``requester`` (each source asks for
        ``audience=<target>``). requester: a third client that asks instead; then no flows.
    :param required_roles: users must hold one: a realm role's name, or ``{"client": <client id>, "role": <name>}``.
    :param audience: ``mapper`` (every token of the source has the target in ``aud``), ``optionalScope`` (only on request).
    :param scope: the name of the client scope that adds the target; an existing one is used unchanged.
    :param exact_audience: ``aud`` is the target alone. restrict_full_scope: may switch full scope off to get there.
    :param token_lifespan: seconds. time_window: ``start``, ``end`` (HH:MM), ``notBefore``, ``notOnOrAfter``; legacy only.
    :param migration: ``mappers`` or ``both``, on the way from legacy to standard; `python -m exchange migrate` sets it.
    :param realm, exchange, owner, protect: the stack's config where not given. exchange: ``auto``, ``standard`` or
        ``legacy``. protect: Pulumi refuses to delete what the grant needs.
    :param accept_policy_changes: fields of clients that the realm's client policies may change when the grant is made.
    :param connection: another Keycloak than the stack's: a map of ``name``, ``url`` and a login, any of which may be an output.
    :raises pulumi.RunError: with all faults of the grant, before anything is registered.

    Grants of one program are planned together with ``register_grants``; one alone plans itself.
    """

    description: dict[str, Any]
    own_parts: list[pulumi.Resource]
    """Its children: a legacy grant's policies and their binding, and proofs."""

    def __init__(
        self,
        name: str,
        *,
        sources: Sources = (),
        target: Client = "",
        flows: Sequence[str] = (),
        requester: Client | None = None,
        realm: pulumi.Input[str] | None = None,
        exchange: str | None = None,
        migration: str | None = None,
        required_roles: Sequence[Role] = (),
        audience: str = "mapper",
        scope: str | None = None,
        exact_audience: bool = False,
        restrict_full_scope: bool = False,
        token_lifespan: int | None = None,
        time_window: Mapping[str, str] | None = None,
        allow_refresh: bool = False,
        allow_public_source: bool = False,
        manage_switch: bool = True,
        on_remove: str = "restore",
        adopt: bool = False,
        prove: bool = False,
        protect: bool | None = None,
        accept_policy_changes: Sequence[str] | None = None,
        owner: str | None = None,
        reason: str | None = None,
        review_by: str | None = None,
        connection: Server | None = None,
        planned: GrantPlan | None = None,
        shared: SharedParts | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        arguments = {key: value for key, value in locals().items() if key not in NO_ARGUMENTS}
        late, given = None, handed_on(opts)
        if planned is None:
            says_no = opts and opts.protect is False and not is_package()  # there unset and false are the same
            if given.protect or (protect is None and says_no):
                arguments["protect"] = given.protect
            planned, late = _plan_alone(arguments, opts)
        if planned.spec.protect:
            given = replace(given, protect=True)
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=True))
        with short_traces():
            super().__init__(GRANT, name, None, opts)
        give(self, shared.names.connection if shared else connection)
        names = LateNames(planned, late, self, opts.depends_on if opts else None, given) if late else None
        shared = shared or (SharedParts(names) if names else SharedParts.of_program())
        hold(self, parts := shared.register_one(planned, given))
        self.own_parts = register_legacy_parts(planned, shared, self, given) if planned.policy_clients else []
        if planned.spec.prove:
            self.own_parts += register_proofs(planned, shared, self.own_parts, self, given)
        watch_left_out(name, [*parts, *self.own_parts])
        told = described(planned, names) if names else describe(planned)
        self.description = {**told, **shared.names.elsewhere()}
        self.register_outputs({**self.description, **(names.facts(planned) if names else policy_facts(planned))})


def register_grants(
    specs: Sequence[GrantSpec],
    connection: Connection,
    guards: Collection[str] = (),
    *,
    events: bool = False,
    all_of_stack: bool = False,
) -> dict[str, dict[str, Any]]:
    """Plans all grants of a program at once, registers them, and describes each by its name.

    :param connection: the stack's, or another one, made by ``kcadmin.rest.given_connection.given_connection``; the grants
        are made there.
    :param guards: what the ``ExchangeGuards`` of each realm hold, of ``requesters``, ``sources`` and ``noWiderScopes``.
    :param events: whether each realm records its exchanges, by ``ExchangeEvents``.
    :param all_of_stack: the program has no other grants, so a preview tells which ones are removed.
    :raises pulumi.RunError: with every fault of every grant, before anything is registered.
    """
    if config_value("resources") == REALM:
        raise messages.program_error([NOT_IN_BULK]) from None
    shared = shared_parts_at(connection)
    plans = plan_together(specs, connection, guards, shared.names, all_of_stack=all_of_stack)
    shared.join(plans)
    list(_registering(plans, shared, guards, events))
    return _described(plans, shared)


async def register_many_grants(
    specs: Sequence[GrantSpec],
    connection: Connection,
    guards: Collection[str] = (),
    *,
    events: bool = False,
    all_of_stack: bool = False,
    in_bulk: bool = False,
    export: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> dict[str, dict[str, Any]]:
    """``register_grants`` for less of Pulumi's time and memory. Await it in ``pulumi.run``, or nothing is registered.

    :param in_bulk: one resource per realm instead of one for each object.
    :param export: takes what is returned, also where a part fails then.
    """
    shared = shared_parts_at(connection)
    plans = plan_together(specs, connection, guards, shared.names, all_of_stack=all_of_stack)
    shared.join(plans)
    grants = InBulk(plans, shared, guards, events=events, all_of_stack=all_of_stack)
    register = grants.register if in_bulk else grants.register_each
    await register_in_turn(register(partial(_registering, plans, shared, guards, events)))
    export(described := _described(plans, shared))
    await grants.require_all_done()
    return described


def _described(plans: Sequence[GrantPlan], shared: SharedParts) -> dict[str, dict[str, Any]]:
    return {each.spec.name: {**describe(each), **shared.names.elsewhere()} for each in plans}


def _registering(
    plans: Sequence[GrantPlan], shared: SharedParts, guards: Collection[str], events: bool
) -> Iterator[pulumi.Resource]:
    if events:
        shared.record(plans)
    shared.guard(plans, guards)
    yield from shared.register(plans)
    for planned in plans:
        grant = TokenExchangeGrant(planned.spec.name, planned=planned, shared=shared)
        yield grant
        yield from grant.own_parts


def _plan_alone(
    arguments: dict[str, Any], opts: pulumi.ResourceOptions | None
) -> tuple[GrantPlan, LateArguments | None]:
    """A grant that depends on resources of other providers waits for its clients."""
    if unfit := list(option_faults(opts)):
        realm = arguments["realm"] if isinstance(arguments["realm"], str) else config_value("realm") or "?"
        raise messages.program_error(
            GrantFault(arguments["name"], realm, f"{wrong}; {remedy}") for wrong, remedy in unfit
        ) from None
    waits = waits_for_others(opts, (TokenExchangeGrant,))
    needs_owner = not arguments.get("owner")
    given = {key: value for key, value in arguments.items() if value is not None}
    late = late_arguments(given, waits, apart=is_package())
    if late and late.connection is not None:
        return plan_late(late, read_defaults(owner=needs_owner), own_connection(late)), late
    settings = read_settings(grants=False, owner=needs_owner)
    if late:
        return plan_late(late, settings.defaults, settings.connection), late
    if isinstance(given.get("sources"), Mapping):
        given["sources"] = list(given["sources"].values())
    spec, faults = checked_grant({**settings.defaults, **given})
    if spec is None:
        raise messages.program_error(faults) from None
    (planned,) = plan_together([spec], settings.connection)
    SharedParts.of_program().join([planned])
    return planned, None


def plan_together(
    specs: Sequence[GrantSpec],
    connection: Connection,
    guards: Collection[str] = (),
    names: Names | None = None,
    *,
    all_of_stack: bool = False,
) -> tuple[GrantPlan, ...]:
    """:param names: of their resources, in another Keycloak than the stack's.

    :raises pulumi.RunError: with every fault of every grant.
    """
    if not specs:
        if all_of_stack:
            tell_changes([], all_of_stack=True)
        return ()
    try:
        with misreadings(), realms_of_run(get_root_resource()):
            named = frozenset().union(*(spec.clients() for spec in specs))
            clients, scopes = preflight.named_clients(connection, named), preflight.scopes_of(connection)
            state = partial(own_state_at, connection.url if connection.name else "")
            specs = with_kept_scopes(specs, clients, names or Names(), state, scopes)
            facts = preflight.ask_server(connection, questions(specs), known=clients)
            stack = stack_of_program(stack_name())
            facts = replace(facts, own=own(specs, facts, state, stack), had=had_before(specs, facts.features))
            if shared := list(judge_marks(specs, facts, state, stack)):
                raise messages.program_error(shared) from None
            if by := taken_over_by():
                facts = with_taken_over(facts, specs, by)
            judged = judge(specs, connection, facts, guards, state)
    except KeycloakError as problem:
        raise messages.program_error(problem.faults) from None
    if judged.faults:
        raise messages.program_error(told_once(judged.faults)) from None
    tell_changes(judged.grants, all_of_stack=all_of_stack)
    judged.tell(new_or_changed)
    return judged.grants
