"""Finds all faults of grants against one another: names given twice, and options of one client on which two grants differ."""

from collections.abc import Iterable, Iterator, Sequence

from grants.by_client import Neighbours
from grants.fault import FEW
from grants.odd import NAME_TWICE
from grants.plan import GrantPlan, requesters
from grants.spec import OPTIONAL_SCOPE, GrantSpec
from kcadmin.objects.features import LEGACY
from kcadmin.rest.texts import named, quoted


def duplicates(specs: Sequence[GrantSpec]) -> Iterator[str]:
    of_name: dict[str, list[GrantSpec]] = {}
    for spec in specs:
        of_name.setdefault(spec.name, []).append(spec)
    for spec in specs:
        if len(same := of_name[spec.name]) > 1:
            places = list(dict.fromkeys(each.place or "the stack's config" for each in same))
            where = f", in {' and in '.join(places[:FEW])}" if any(each.place for each in same) else ""
            odd = NAME_TWICE.told(where=where)
            yield spec.describe(odd.wrong, odd.remedy)


SHARED_OPTIONS = {
    "allow_refresh": "allowRefresh",
    "token_lifespan": "tokenLifespan",
    "manage_switch": "manageSwitch",
    "on_remove": "onRemove",
}
"""Options of clients that grants share: the argument → the key in a stack's config."""


def conflicts(grants: Iterable[GrantPlan], registered: Neighbours | None = None) -> Iterator[str]:
    """Options of one client on which two grants differ. ``registered``: grants that came before."""
    known = Neighbours()
    for grant in grants:
        for other in [*(registered.of(grant) if registered else ()), *known.of(grant)]:
            yield from _conflicts_of(grant, other)
        known.add(grant)


def _conflicts_of(grant: GrantPlan, other: GrantPlan) -> Iterator[str]:
    for option, text in SHARED_OPTIONS.items():
        ours, theirs = getattr(grant.spec, option), getattr(other.spec, option)
        for client in sorted(_sharing(option, grant, other)) if ours != theirs else ():
            yield grant.spec.describe(
                f"wants {text} {_text(ours)} for client {named(client)}, grant {named(other.spec.name)} wants {_text(theirs)}",
                "agree on one",
            )
    yield from _opened_gates(grant, other)
    for standard, legacy in ((grant, other), (other, grant)):
        asking = {flow.requester for flow in legacy.flows} if legacy.exchange == LEGACY and standard.switches else set()
        for client in sorted(set(standard.switches) & asking):
            yield legacy.spec.describe(
                f"requester {named(client)} is switched to the standard exchange by grant "
                f"{named(standard.spec.name)}, which would answer instead",
                "use one exchange for both",
            )


def _sharing(option: str, grant: GrantPlan, other: GrantPlan) -> set[str]:
    """The clients of which both grants set an option."""
    switched = {*grant.switches} & {*other.switches}
    if option == "token_lifespan":
        return {*grant.lifespans} & {*other.lifespans}
    if option == "allow_refresh":
        silenced = {*grant.refresh_off, *other.refresh_off}
        return switched | {*requesters(grant.spec)} & {*requesters(other.spec)} & silenced
    if option == "on_remove":
        mapped = {client for client, _ in {*grant.mappers} & {*other.mappers}}
        return switched | mapped | _targets(grant) & _targets(other)
    return switched


def _opened_gates(grant: GrantPlan, other: GrantPlan) -> Iterator[str]:
    """Two grants that add the same target to the same tokens, where one would allow what the other refuses."""
    for client, audience in sorted({*grant.audiences} & {*other.audiences}):
        if client == audience:  # the audience of the target's own tokens refuses nobody
            continue
        conditions = [_condition(each, client, audience) for each in (grant, other)]
        if conditions[0] != conditions[1]:
            yield grant.spec.describe(
                f"lets tokens of {named(client)} have {named(audience)} in aud {conditions[0]}, grant {named(other.spec.name)} "
                f"{conditions[1]}",
                "agree on one, since the wider one would count for both",
            )
    conditional = [bool(each.spec.required_roles or each.spec.time_window) for each in (grant, other)]
    asking = sorted({*grant.policy_clients} & {*other.policy_clients}) if grant.spec.target == other.spec.target else []
    if asking and conditional[0] != conditional[1]:
        yield grant.spec.describe(
            f"lets {quoted(asking)} exchange for {named(grant.spec.target)} "
            f"{'under conditions' if conditional[0] else 'always'}, "
            f"grant {named(other.spec.name)} {'under conditions' if conditional[1] else 'always'}",
            "agree on one, since the wider one would count for both",
        )


def _condition(grant: GrantPlan, client: str, audience: str) -> str:
    if (client, audience) in grant.mappers:
        return "always"
    roles = " or ".join(str(role) for role in grant.spec.required_roles)
    conditions = [f"for {roles}"] if roles else []
    conditions += ["on request"] if grant.spec.audience == OPTIONAL_SCOPE else []
    return " ".join(conditions) or "always"


def _targets(grant: GrantPlan) -> set[str]:
    """The target, where the grant needs its management permissions."""
    return {grant.spec.target} if grant.policy_clients else set()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
