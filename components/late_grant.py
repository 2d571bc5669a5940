"""A grant whose clients come in the same run: its parts belong to it alone, and come after its check: docs/adr/0024."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any, TypeVar

import pulumi
from pulumi.runtime import get_root_resource, is_dry_run

from components.grant_options import GrantOptions
from components.late_arguments import LateArguments, is_late
from components.names import Names, text_of_scope
from components.own_parts import SCOPE, judge_marks
from components.own_parts import own as own_by_state
from components.shared_parts import SharedParts
from grants.description import describe
from grants.fault import subject
from grants.faults import lack
from grants.gating import is_gated
from grants.late import KEPT, NO_AUTO, NO_MIGRATION, REALM, LateGrant, late_plan
from grants.plan import GrantPlan, in_token_scope, scope_ending
from grants.policy_facts import policy_facts
from grants.spec import GrantSpec
from kcadmin.marks.ownership import hash16
from kcadmin.objects.features import LEGACY, STANDARD
from kcadmin.objects.realm import MANAGEMENT_CLIENTS, realm_for, realms_of_run
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import InvalidSettings, KeycloakError
from kcadmin.rest.given_connection import given_connection, shape_faults
from kcadmin.rest.misread import misreadings
from kcadmin.rest.session import session_for
from kcadmin.rest.texts import shown
from providers.base import messages
from providers.base.connections import address_for
from providers.base.face import is_package
from providers.base.own_state import OwnObject, last_exchange, own_state, stack_name
from providers.base.place import stack_of_program
from providers.base.resource import PartOfGrant
from providers.checks.late import judge_late, own_of
from providers.grant_check import GrantCheck
from reach.facts import Facts, Own

T = TypeVar("T")
NO_VALUE = (
    "an output without a value; correct its name or, if it comes from a stack reference, let the other stack export it"
)
_DEFAULTS = {each.name: each.default for each in fields_of(GrantSpec)}


class LateNames(Names):
    """The names of one late grant are outputs, which a preview may not know."""

    def __init__(
        self, planned: GrantPlan, arguments: LateArguments, grant: pulumi.Resource, waits: Any, given: GrantOptions
    ) -> None:
        """Registers the check. waits: what the grant depends on. given: the grant's options for its resources."""
        self._arguments, self._grant, spec = arguments, grant, planned.spec
        fields, self.server = arguments.fields, address_for(arguments.connection)
        names = {symbol: name for symbol, name in arguments.names.items() if symbol != REALM}
        self._spec = pulumi.Output.all(**{REALM: arguments.names[REALM]}, **names).apply(
            lambda known: _named(fields, known)
        )
        self.check = GrantCheck(
            f"{spec.name}/check",
            realm=arguments.names[REALM],
            grant=spec.name,
            fields=fields,
            names=names,
            ids=arguments.ids,
            coming=sorted(arguments.coming),
            owner=spec.grant_owner,
            preview=is_dry_run() or None,
            agreed=pulumi.Output.all(self._spec, self.server).apply(
                lambda known: SharedParts.of_program(known[1]).join([late_plan(known[0], Facts(None, {}))])
            ),
            own=_own(spec) if is_gated(spec) else None,
            opts=given.on_child(PartOfGrant(parent=grant, depends_on=waits, protect=spec.protect or None)),
        )

    def realm(self, spec: GrantSpec) -> pulumi.Input[str]:
        return self._arguments.names[REALM]

    def client(self, name: str) -> pulumi.Input[str]:
        return self._arguments.names[name]

    def uuid(self, grant: GrantPlan, client: str) -> pulumi.Input[str]:
        return self._arguments.ids.get(client) or _part(self.check.uuids, client)

    def of(self, spec: GrantSpec, value: Callable[[GrantSpec], T]) -> pulumi.Output[T]:
        return self._spec.apply(value)

    def scope_text(self, grant: GrantPlan) -> pulumi.Input[str]:
        own = self.of(grant.spec, text_of_scope)
        found = _part(self.check.scope, "description") if grant.spec.scope else None
        return pulumi.Output.all(own, found).apply(lambda texts: texts[0] if texts[1] is None else texts[1])

    def in_token_scope(self, grant: GrantPlan) -> pulumi.Input[bool]:
        own = in_token_scope(grant)
        if not grant.spec.scope:
            return own
        return _part(self.check.scope, "in_token_scope").apply(lambda found: own if found is None else found)

    def takes_away(self, grant: GrantPlan, client: str) -> pulumi.Input[Any]:
        return _part(self.check.takes_away, client) if is_gated(grant.spec) else None

    def options(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(PartOfGrant(parent=self._grant, depends_on=[self.check]), opts)

    def handed_on(self, opts: pulumi.ResourceOptions, given: GrantOptions) -> pulumi.ResourceOptions:
        return given.on_child(opts)

    def facts(self, planned: GrantPlan) -> dict[str, Any]:
        """What the policy pack judges, from the check's outputs."""
        return {key: _part(self.check.facts, key) for key in policy_facts(planned)}

    def elsewhere(self) -> dict[str, pulumi.Input[str]]:
        return {} if self._arguments.connection is None else {"keycloak": self.server}

    def clients(self) -> pulumi.Output[dict[str, str]]:
        """The UUIDs of the grant's clients by their client ids."""
        return pulumi.Output.all(names=self._arguments.names, uuids=self.check.uuids).apply(
            lambda known: {known["names"][symbol]: uuid for symbol, uuid in sorted((known["uuids"] or {}).items())}
        )


def own_connection(arguments: LateArguments) -> Connection | None:
    """The grant's own connection; None while it is not known. What is wrong with it is noted."""
    given = arguments.connection
    if is_late(given):
        return None
    late = {key for key, each in given.items() if is_late(each)} if isinstance(given, Mapping) else set()
    if late:
        arguments.faults += [f"connection {fault}" for fault in shape_faults(given, late)]
        return None
    try:
        return given_connection(given)
    except InvalidSettings as problem:
        arguments.faults += [fault.removesuffix(".") for fault in problem.faults]
        return None


def plan_late(arguments: LateArguments, defaults: Mapping[str, Any], connection: Connection | None) -> GrantPlan:
    """Plans a grant by symbols. connection: None where it is not known by now.

    :raises pulumi.RunError: with all faults that are known by now.
    """
    fields = arguments.fields = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in {**defaults, **arguments.fields}.items()
        if value != () and (key == REALM or value != _DEFAULTS.get(key))
    }
    realm = arguments.names.setdefault(REALM, str(fields.pop(REALM, "")))
    name = _grant(fields.get("name"), realm)
    if fields.get("migration"):
        arguments.faults.append("; ".join(NO_MIGRATION))
    if arguments.faults:
        raise messages.program_error(f"{name}: {fault}." for fault in arguments.faults) from None
    late = LateGrant(fields, {**_symbols(arguments), **({REALM: realm} if isinstance(realm, str) else {})})
    spec, faults = late.spec()
    if spec is None:
        raise messages.program_error(faults) from None
    try:
        with misreadings(), realms_of_run(get_root_resource()):
            if spec.exchange == "auto":
                fields["exchange"] = _chosen(spec, connection)
            spec, faults = late.spec()
            if spec is None:
                raise messages.program_error(faults) from None
            if kept := _kept_scope(spec):
                fields[KEPT] = kept
            known = arguments.known()
            if connection and REALM in known and len(known) > 1:
                there = LateGrant(fields, known, frozenset(arguments.coming))
                own = own_of(_own(spec) if is_gated(spec) else {})
                judged = judge_late(connection, there, {}, own, before_writes=False, shared=_shared)
                if judged.faults:
                    raise messages.program_error(judged.faults) from None
    except KeycloakError as problem:
        raise messages.program_error(problem.faults) from None
    return late_plan(spec, Facts(None, {}))


def _shared(spec: GrantSpec, facts: Facts) -> Iterator[str]:
    """Which other stack has the grant's owner, too, by the marks on its clients."""
    stack = stack_of_program(stack_name())
    there = replace(facts, own=own_by_state([spec], replace(facts, own=Own()), own_state, stack))
    return judge_marks([spec], there, own_state, stack, f"grant {shown(spec.name)}: " if is_package() else "")


def described(planned: GrantPlan, names: LateNames) -> dict[str, Any]:
    """A late grant as the stack exports it: each of its fields for itself, since a preview may not know all."""
    told = names.of(planned.spec, lambda spec: describe(late_plan(spec, Facts(None, {}))))
    return {**{key: told[key] for key in describe(planned)}, "clients": names.clients()}


def _grant(name: Any, realm: Any) -> str:
    """How a fault names a grant that could not be read."""
    return subject(name or "?", realm if isinstance(realm, str) else "?")


def _part(outputs: pulumi.Output[Mapping[str, T]], key: str) -> pulumi.Output[Any]:
    """None without a check's output, as in a program's own tests."""
    return outputs.apply(lambda known: (known or {}).get(key))


def _symbols(arguments: LateArguments) -> dict[str, str]:
    return {symbol: symbol for symbol in arguments.names if symbol != REALM}


def _chosen(spec: GrantSpec, connection: Connection | None) -> str:
    """The exchange of ``auto``: the one that the grant has had, else the standard one where it is offered."""
    if connection is None:
        raise messages.program_error([spec.describe(*NO_AUTO)]) from None
    features = realm_for(session_for(connection), spec.realm).features()
    had = last_exchange(spec.name)
    chosen = had or (STANDARD if features.offers(STANDARD) else LEGACY)
    if not features.offers(chosen):
        raise messages.program_error([spec.describe(*lack(spec, chosen, features, had))]) from None
    return chosen


def _kept_scope(spec: GrantSpec) -> str:
    """The name of the grant's client scope by the state, which callers ask for, if it was made under a former owner."""
    if spec.scope or not is_gated(spec):
        return ""
    place = Names().scope(spec)
    for held in own_state():
        if (held.kind, held.place) == (SCOPE, place) and not held.is_unmanaged:
            ending = scope_ending(spec, str(held.outputs.get("included_client")))
            return "" if held.name.endswith(ending) else held.name
    return ""


def _named(fields: Mapping[str, Any], names: Mapping[str, str]) -> GrantSpec:
    if empty := [symbol for symbol, name in names.items() if name is None]:
        grant = _grant(fields.get("name"), names[REALM])
        raise messages.program_error(f"{grant}: {symbol} is {NO_VALUE}." for symbol in empty)
    spec, faults = LateGrant(fields, names).spec()
    if spec is None:
        raise messages.program_error(faults)
    return spec


def _own(spec: GrantSpec) -> dict[str, list[list[str]]]:
    """What the stack's state has of the grant, perhaps under a former owner, and the audience mappers, one of which may be in the
    way of its condition."""
    held = [each for each in own_state() if not each.is_unmanaged]
    parts = [each for each in held if each.place.startswith(f"{spec.name}/")]
    policies = [each for each in parts if each.outputs.get("resource_server") in MANAGEMENT_CLIENTS]
    return {
        "mappers": [[each.realm, *_audience(each)] for each in held if each.kind == "AudienceMapper"],
        "policies": [[each.realm, each.name, hash16(str(each.outputs.get("owner")))] for each in policies],
        "scopes": [[each.realm, each.name] for each in parts if each.kind == SCOPE],
        "owners": [[owner] for owner in sorted({each.owner for each in parts} - {"", spec.owner})],
    }


def _audience(mapper: OwnObject) -> list[str]:
    return [str(mapper.outputs.get(key) or "") for key in ("client_uuid", "included_client", "number")]
