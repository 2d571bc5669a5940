"""The grants of a realm as one resource, for large stacks: docs/adr/0028-one-resource-a-realm.md."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import pulumi

from components.grant_options import NONE
from components.legacy_parts import register_legacy_parts
from components.news import are_as_before, are_changed, tell_given_back
from components.proofs import register_proofs
from components.shared_parts import SharedParts
from grants.description import describe
from grants.plan import GrantPlan
from grants.policy_facts import policy_facts
from kcadmin.marks.ownership import stack_of
from kcadmin.marks.packed import Part, pack
from kcadmin.rest.texts import shown
from providers.base import messages
from providers.base.held import NUMBER
from providers.base.moving import Moves, note_moves
from providers.base.own_state import own_state_at
from providers.base.part import collecting
from providers.base.registered import is_registered
from providers.base.taken_back import watch_new_parts
from providers.bulk.told import IS_HELD, NEW_OWNER
from providers.realm_grants import RealmGrants
from providers.registry import kinds

Each = Callable[[], Iterator[pulumi.Resource]]
NO_PROTECT = (
    "sets protect, which needs a resource for each part",
    "leave protect out of the grant and of the stack's config, or set config resources: each",
)
ONCE_MORE = (
    "note: {number} parts of grants are in the state twice now; run `pulumi up` once more, which removes the former "
    "ones from the state and writes nothing to Keycloak."
)
FORMER = (
    "note: {number} former resources are removed from the state, since one resource per realm holds the same parts now; "
    "nothing is removed from Keycloak."
)
OTHER_OWNER = (
    "config 'resources': changes in the same run as the owner of {number} of this stack's objects, from {former} to "
    "{owner}; run `pulumi up` after the first of the two changes, then make the other."
)
NO_CONNECTION = "config 'resources': is realm, which works in the stack's own Keycloak only; set it to each."


class InBulk:
    """A program's planned grants as one resource per realm, or while they move to or from that form."""

    def __init__(
        self,
        plans: Sequence[GrantPlan],
        shared: SharedParts,
        guards: Collection[str] = (),
        *,
        events: bool = False,
        all_of_stack: bool = False,
        holder: Callable[..., RealmGrants] = RealmGrants,
    ) -> None:
        """:param all_of_stack: the stack has no other grants and resources."""
        self._holder, self._all = holder, all_of_stack
        self._plans, self._names, self._guards, self._events = plans, shared.names, guards, events
        self._held = [] if shared.names.connection else own_state_at("")
        self._made: list[RealmGrants] = []

    def register(self, each: Each) -> Iterator[pulumi.Resource]:
        """Registers the grants of each realm as one resource.

        :param each: registers them as a resource a part; as which the state may still hold them.
        :raises pulumi.RunError: a grant cannot be held so.
        """
        faults = [plan.spec.describe(*NO_PROTECT) for plan in self._plans if plan.spec.protect]
        if faults := [*faults, *([NO_CONNECTION] if self._names.connection else [])]:
            raise messages.program_error(faults) from None
        arrived = {there.place for there in self._held if there.in_bulk}
        alone = self._numbers(lambda there: not there.in_bulk and there.place not in arrived)
        note_moves(Moves(alone))
        parts = {realm: self._parts(here) for realm, here in self._by_realm().items()}
        coming = {place: alone[place] for held in parts.values() for place in held if place in alone}
        note_moves(Moves(coming))  # other resources of the program stay as they are
        self._tell_given_back(parts)
        known = {there.place for there in self._held}
        new = [part for held in parts.values() for place, part in held.items() if place not in known]
        watch_new_parts((kinds()[part.kind].provider(), part.props) for part in new)
        former = [there for there in self._held if not there.in_bulk and there.place in arrived]
        _tell(ONCE_MORE if coming else FORMER, len(coming or former))
        leaving: list[pulumi.Resource] = []
        if coming:
            note_moves(Moves(retained=True))
            for resource in each():
                leaving.append(resource)
                yield resource
        for realm, held in parts.items():
            plans = self._by_realm()[realm]
            grants = {plan.spec.name: _kept(plan) for plan in plans}
            # Pulumi shows a resource whole that only the server changed. In a preview the state does not keep what is hidden.
            hidden = [*pack({}, {})] if pulumi.runtime.is_dry_run() and are_as_before(plans, realm) else None
            after = pulumi.ResourceOptions(depends_on=leaving, hide_diffs=hidden)
            here = held.keys() & arrived
            run = NEW_OWNER if self._of_others({realm: held}, here) else IS_HELD if here else None
            made = self._holder(f"{realm}/grants", realm=realm, parts=held, grants=grants, run=run, opts=after)
            self._made.append(made)
            yield made

    async def require_all_done(self) -> None:
        """Waits until the parts of all realms are done. :raises pulumi.RunError: some failed.

        All that do not need those are done.
        """
        failed = [await _failed(each) for each in self._made]
        if sentences := [each for parts in failed for found in parts.values() for each in found]:
            raise messages.program_error(sentences) from None

    def register_each(self, each: Each) -> Iterator[pulumi.Resource]:
        """Registers each part as a resource, and lets the resource that held them all release them.

        :raises pulumi.RunError: they have another owner by now.
        """
        numbers = self._numbers(lambda there: there.in_bulk)
        is_news = self._all and pulumi.runtime.is_dry_run() and are_changed(self._plans)
        parts = {realm: self._parts(here) for realm, here in self._by_realm().items()} if numbers or is_news else {}
        if is_news:
            self._tell_given_back(parts)
        if changed := self._of_others(parts, numbers.keys()):  # else they would not find what ``RealmGrants`` releases
            former, owner = map(shown, changed[0])
            raise messages.program_error(
                [OTHER_OWNER.format(number=len(changed), former=former, owner=owner)]
            ) from None
        taken = {there.place for there in self._held if not there.in_bulk}  # by a run that was killed then
        note_moves(Moves({place: number for place, number in numbers.items() if place not in taken}))
        _tell(ONCE_MORE, len(numbers))
        arriving: list[pulumi.Resource] = []
        for resource in each():
            arriving += [resource] if numbers else []
            yield resource
        for realm, held in parts.items():
            if gives := sorted(held.keys() & numbers.keys()):
                after = pulumi.ResourceOptions(depends_on=arriving)
                yield RealmGrants(f"{realm}/grants", realm=realm, parts={}, grants={}, gives=gives, opts=after)

    def _tell_given_back(self, parts: Mapping[str, Mapping[str, Part]]) -> None:
        """In a preview, of what goes."""
        if not pulumi.runtime.is_dry_run():
            return
        places = {place for held in parts.values() for place in held}
        gone = [each for each in self._held if each.place not in places]
        tell_given_back(each for each in gone if self._all or (each.in_bulk and each.realm in parts))

    def _of_others(self, parts: Mapping[str, Mapping[str, Part]], places: Collection[str]) -> list[tuple[str, str]]:
        """Parts at these places that have another owner in the state: who that is, and who it is to be."""
        owners = {place: str(part.props.get("owner")) for held in parts.values() for place, part in held.items()}
        held = [each for each in self._held if each.owner and each.place in owners and each.place in places]
        changed = [each for each in held if owners[each.place] != each.outputs["owner"]]
        return [(each.owner, stack_of(owners[each.place])) for each in changed]

    def _numbers(self, counts: Callable[[Any], bool]) -> Mapping[str, str]:
        return {
            each.place: str(each.outputs[NUMBER]) for each in self._held if each.outputs.get(NUMBER) and counts(each)
        }

    def _by_realm(self) -> Mapping[str, list[GrantPlan]]:
        realms = sorted({each.spec.realm for each in self._plans})
        return {realm: [each for each in self._plans if each.spec.realm == realm] for realm in realms}

    def _parts(self, plans: Sequence[GrantPlan]) -> Mapping[str, Part]:
        shared = SharedParts(self._names)  # the program's own holds resources
        with collecting() as parts:
            if self._events:
                shared.record(plans)
            shared.guard(plans, self._guards)
            list(shared.register(plans))
            for planned in plans:
                own = register_legacy_parts(planned, shared, None, NONE) if planned.policy_clients else []
                if planned.spec.prove:
                    register_proofs(planned, shared, own, None, NONE)
        return parts


def _tell(note: str, number: int) -> None:
    """Resources that Pulumi shows as created or deleted only pass from one holder to another."""
    if number:
        messages.info(note.format(number=number))


def _kept(planned: GrantPlan) -> dict[str, Any]:
    return {**describe(planned), **policy_facts(planned)}


async def _failed(held: RealmGrants) -> Mapping[str, Sequence[str]]:
    """The sentences of parts that failed, by their names."""
    return (await held.failed.future() or {}) if await is_registered(held) else {}
