"""Grants whose exchanges work for nobody, since a mapper keeps tokens of their clients from being made or taken."""

from collections.abc import Iterable, Iterator

from grants.plan import GrantPlan, exchanges_of
from kcadmin.objects.features import LEGACY
from reach.failing import EARLY, Failure, as_maker, as_source, failing_in
from reach.surroundings import Surroundings


def unusable(grants: Iterable[GrantPlan], around: Surroundings) -> list[str]:
    """A sentence for each mapper of each grant. What fails for a time, for some users or some requests is left alone."""
    found = (
        grant.spec.describe(each.told, each.remedy)
        for grant in grants
        for each in _of(grant, around)
        if each.sure and each.kind != EARLY  # which passes by itself, and the clocks of both sides may differ
    )
    return list(dict.fromkeys(found))


def _of(grant: GrantPlan, around: Surroundings) -> Iterator[Failure]:
    failing = {name: failing_in(around.survey, around.roles, around.survey.clients[name]) for name in grant.uuids}
    for flow in grant.flows:
        for exchange in exchanges_of(grant):
            maker = flow.audience if exchange == LEGACY and flow.audience else flow.requester
            yield from as_source(failing[flow.source], exchange, foreign=flow.source != flow.requester)
            yield from as_maker(failing[maker])
