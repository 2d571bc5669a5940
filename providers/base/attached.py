"""Policies that a resource attaches to a client's token-exchange permission, with a claim on the client for each."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from kcadmin.authz.exchange_permission import Attached, attach, cached_attached, detach
from kcadmin.authz.exchange_policies import require_matching
from kcadmin.objects.claims import ATTACHED as ATTACHED_POLICY
from kcadmin.objects.claims import Kind, claim_key, claims
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import drop_claims
from providers.base.claimed import OwnClaim
from providers.base.held import ObjectMark, Whose, owner_by_mark
from providers.base.messages import warn
from reach.judged_writes import ClientWrite, claim_write

ATTACHED, FOUND = "attached", "found"


class AttachedPolicies:
    """Those of a resource. props: with the ids of ``policies``, and whether they are deleted ``with_policies``."""

    def __init__(self, realm: Realm, props: Any) -> None:
        self._realm, self._props, self._policies = realm, props, {*props.policies}
        self._with_policies = bool(props.with_policies)
        kinds = {policy: Kind(f"{ATTACHED_POLICY}{policy}") for policy in props.policies}
        self._claims = {policy: OwnClaim(realm, props.client_uuid, props, kind) for policy, kind in kinds.items()}

    def now(self) -> Attached | None:
        """The policies on the permission, perhaps from a snapshot; no write is based on it."""
        return cached_attached(self._realm, self._props.client_uuid)

    def mark(self) -> ObjectMark | None:
        """The first claim as a mark."""
        return next(filter(None, (claim.mark() for claim in self._claims.values())), None)

    def attach(self, new: Iterable[str], *, used: bool = False) -> str:
        """Adds them.

        FOUND: no stack has made any of them. new: those to judge; those of a grant are known to match, and need no read.
        :param used: existing ones belong to somebody else, and stay theirs.
        :raises Refusal: one of them matches no exchange.
        """
        for note in () if self._with_policies else require_matching(self._realm, new):
            warn(note)
        client_uuid, client_id, owner = self._props.client_uuid, self._props.client_id, self._props.owner
        now = attach(self._realm, client_uuid, client_id, self._policies, owner)
        unmanaged = (self._with_policies or used) and not now.marked & self._policies
        for policy, claim in self._claims.items() if not unmanaged or self._props.revoke else ():
            # Another resource of this stack may have attached it, and be deleted next. The first to attach a policy writes no
            # claim, so that a grant needs no further write. Nor does a resource that takes over its number.
            if (policy in now.before and not self._props.keeps) or claim.found():
                claim.write()
        return FOUND if unmanaged else ATTACHED

    def taken_over(self, id_: str) -> ObjectMark | None:
        """The claim of another stack, as a mark, if all of them are another stack's by now."""
        self._realm.clients.get(self._props.client_uuid, max_age=0)
        marks = [self._mark(policy, id_) for policy in sorted(self._claims)]
        are_others = all(owner_by_mark(mark, id_, self._props) is Whose.ANOTHER_STACKS for mark in marks)
        return marks[0] if marks and are_others else None

    def own(self, id_: str) -> set[str]:
        """Those that the resource may still remove, by the client as ``taken_over`` read it."""
        return {each for each in self._claims if owner_by_mark(self._mark(each, id_), id_, self._props) is Whose.OWN}

    def _mark(self, policy: str, id_: str) -> ObjectMark | None:
        """The first to attach a policy has no claim. Then the claim of another stack, which has it by now, decides."""
        claim, client = self._claims[policy], self._realm.clients.get(self._props.client_uuid)
        held = map(ObjectMark.of, claims(client, claim.kind))
        others = (each for each in held if owner_by_mark(each, id_, self._props) is Whose.ANOTHER_STACKS)
        return claim.mark() or next(others, None)

    def detach(self, policies: Collection[str], *, for_good: bool = False) -> None:
        """Removes some. for_good: a grant's policy is deleted with its binding; others may stay."""

        def go_next(now: Attached) -> bool:
            return for_good and self._with_policies and now.is_of(self._props.owner, self._policies)

        if policies:
            detach(self._realm, self._props.client_uuid, self._props.client_id, policies, soon_deleted=go_next)

    def drop(self, policies: Iterable[str]) -> None:
        """Removes the claims for some, by one write."""
        keys = [claim_key(self._props.owner, self._claims[policy].kind) for policy in policies]
        drop_claims(self._realm.clients, self._props.client_uuid, keys)

    def unclaimed(self) -> Iterator[ClientWrite]:
        """The writes of claims for policies that are there already."""
        client, now = self._realm.clients.get(self._props.client_uuid), self.now()
        for policy, claim in self._claims.items():
            if client and now and policy in now.policies and not claim.found():
                yield claim_write(client, self._props.owner, claim.kind)
