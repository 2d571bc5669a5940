"""Grants whose exchanges work for nobody, because of a mapper of their clients or another permission on their target."""

from collections.abc import Iterable, Iterator

from grants.plan import GrantPlan, exchanges_of
from kcadmin.authz.exchange_permission import AFFIRMATIVE
from kcadmin.objects.features import LEGACY
from kcadmin.rest.texts import named, quoted
from reach.failing import EARLY, Failure, as_maker, as_source, failing_in
from reach.permissions import permissions_on, permits
from reach.surroundings import Surroundings
from reach.survey import Survey


def unusable(grants: Iterable[GrantPlan], around: Surroundings) -> list[str]:
    """A sentence for each mapper or permission of each grant.

    Failures that pass with time, or concern only some users or requests, are left out.
    """
    grants = list(grants)
    found = (
        grant.spec.describe(each.told, each.remedy)
        for grant in grants
        for each in _of(grant, around)
        if each.sure and each.kind != EARLY  # it ends by itself, and the clocks of both sides may differ
    )
    return [*dict.fromkeys(found), *(each for grant in grants for each in _refused_beside(grant, around.survey))]


def _refused_beside(grant: GrantPlan, survey: Survey) -> Iterator[str]:
    """Permissions that cover a legacy grant's exchange, too, where all of them must let its requester through."""
    if survey.strategy == AFFIRMATIVE or not grant.policy_clients:
        return
    for name in permissions_on(survey.policies, survey.clients[grant.spec.target].uuid):
        if out := [each for each in grant.policy_clients if permits(survey.policies, name, each).yes is False]:
            yield grant.spec.describe(
                f"permission {named(name)} of realm-management covers the exchange for {named(grant.spec.target)} too, and does "
                f"not let {quoted(out)} through; with the decision strategy {survey.strategy} all must",
                f"let {quoted(out)} through there too, or limit that permission to other clients",
            )


def _of(grant: GrantPlan, around: Surroundings) -> Iterator[Failure]:
    failing = {name: failing_in(around.survey, around.roles, around.survey.clients[name]) for name in grant.uuids}
    for flow in grant.flows:
        for exchange in exchanges_of(grant):
            maker = flow.audience if exchange == LEGACY and flow.audience else flow.requester
            yield from as_source(failing[flow.source], exchange, foreign=flow.source != flow.requester)
            yield from as_maker(failing[maker])
