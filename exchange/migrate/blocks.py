"""What blocks a migration: it would refuse a request that the legacy exchange allows, or make the stack fail."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from exchange.migrate.progress import Moving, StackObject, Stage
from kcadmin.guards.entries import DOWNSCOPE
from kcadmin.marks.ownership import hash16, mark_of, stack_of
from kcadmin.objects.claims import claims
from kcadmin.objects.clients import Client
from kcadmin.objects.features import LEGACY, STANDARD, SWITCH, SWITCH_CLAIM
from kcadmin.objects.resource_server import is_negative, names_in
from kcadmin.rest.texts import named, quoted
from kcadmin.writes.prediction import RealmPolicies
from reach.audiences import added
from reach.fitness import Position, Unfit, unfit_for
from reach.policies import Act, ActingPolicies, Asking, Effect
from reach.survey import Json, Survey


@dataclass(frozen=True)
class Situation:
    """What is judged: a realm, all grants of the stack, its objects and its config."""

    survey: Survey
    grants: Sequence[Moving]
    parts: Sequence[StackObject]
    config: Mapping[str, str]

    @property
    def owners(self) -> set[str]:
        """Whose the stack's objects are, without their grants."""
        return {stack_of(str(part.props["owner"])) for part in self.parts if part.props.get("owner")}

    @cached_property
    def policies(self) -> ActingPolicies:
        """The realm's client policies; none where they may not be read."""
        read = RealmPolicies(self.survey.client_policies or (), self.survey.client_profiles or ())
        return ActingPolicies(read, self.survey.features.version)


def blocks(moving: Moving, facts: Situation) -> Iterator[str]:
    """Sentences without an end: what is wrong; what to do."""
    survey, declared = facts.survey, moving.declared
    for exchange in (STANDARD, LEGACY):
        if not survey.features.offers(exchange) and moving.stage < Stage.ENDING:
            yield "; ".join(survey.features.lack_of(exchange))
    if any(part.kind == "GrantCheck" and part.props.get("grant") == moving.name for part in facts.parts):
        yield (
            "its clients may come in the same run, as those of every grant of the package, so it has no phases; set exchange: "
            "standard in its program, and run `pulumi up` when its sources can fetch new tokens"
        )
        return
    if not moving.listed:
        yield (
            "is listed neither in the stack's config 'grants' nor in its files; write migration: mappers, both and exchange: "
            "standard into its program"
        )
        return
    if moving.waiting:
        yield "its config has another exchange or phase than the deployed stack; run `pulumi up` first"
    if declared.get("timeWindow"):
        yield "sets timeWindow, but the standard exchange has no condition on time; leave it out, or stay on legacy"
    if declared.get("manageSwitch") is False:
        yield "manageSwitch is false, but the migration needs the switch; leave it out until the migration is done"
    if declared.get("protect", facts.config.get("protect") == "true"):
        yield "protect is true, so Pulumi deletes no legacy part; set it to false during the migration and run `pulumi up`"
    asking = [requester for requester in moving.requesters if moving.asks(requester)]
    if declared.get("audience") == "optionalScope" and asking:
        yield (
            f"audience is optionalScope, so {quoted(asking)} would have to send the scope at the exchange; "
            "set audience: mapper"
        )
    for role in declared.get("requiredRoles") or () if asking else ():
        if isinstance(role, dict) and role.get("client") not in (None, "", moving.target):
            yield (
                f"required role '{role['client']}/{role.get('role')}' is of another client, which the standard exchange "
                f"ignores; require a realm role, or a role of {named(moving.target)}"
            )
    for call in moving.calls:
        foreign = call.source != call.requester
        if Unfit.BOUND in unfit_for(survey.clients.get(call.source), Position.SOURCE, STANDARD, foreign=foreign):
            yield (
                f"tokens of source {named(call.source)} are bound to its caller's key, so standard refuses them from "
                f"{named(call.requester)}; let {named(call.source)} ask with flows: [requester], or switch the binding off there"
            )
    for requester in moving.requesters:
        client = survey.clients.get(requester)
        if client is None:
            yield f"client {named(requester)} does not exist; create it, or correct the name"
        else:
            yield from _of_requester(client, moving, facts)


def uncertain(moving: Moving, facts: Situation) -> Iterator[str]:
    """What cannot be known beforehand."""
    if facts.survey.client_policies is None or facts.survey.client_profiles is None:
        yield (
            f"client policies may refuse what legacy allows, or hold {DOWNSCOPE}, and this login may not read them; "
            "give it the role view-realm"
        )
    for requester in moving.requesters:
        for act in _acts_of_standard(requester, facts):
            if not act.sure or act.effect is Effect.UNKNOWN:
                yield (
                    f"only the server can tell whether {act.cause} refuses what {named(requester)} asks of standard; try it "
                    "with one request after `pulumi up`, before callers move"
                )
        for target, policy in legacy_ways(requester, facts, certain=False):
            yield (
                f"policy {named(policy)} on the permission of {named(target)} may let {named(requester)} exchange for it; "
                "if it does, declare that as a grant first"
            )


def _of_requester(client: Client, moving: Moving, facts: Situation) -> Iterator[str]:
    name = client.client_id
    if Unfit.PUBLIC in unfit_for(client, Position.REQUESTER, STANDARD):
        yield f"requester {named(name)} is a public client; make it confidential"
    if client.is_on("consentRequired"):
        yield f"requester {named(name)} requires consent, and the standard exchange refuses without it; switch consent off there"
    for act in _acts_of_standard(name, facts):
        if act.sure and act.effect is Effect.NARROWS:
            yield (
                f"{act.cause} drops the audience mappers of {named(name)} at the standard exchange; add noWiderScopes to the "
                f"stack's guards, or take {named(name)} out of that policy"
            )
        elif act.sure and act.effect is not Effect.UNKNOWN:
            yield (
                f"{act.cause} may refuse exchanges of {named(name)} once its switch is on, and not before; "
                f"take {named(name)} out of it"
            )
    ours = {claim.owner for claim in claims(client, SWITCH_CLAIM)} & facts.owners
    if client.is_on(SWITCH) and not ours and moving.stage < Stage.BOTH:
        yield f"the standard exchange of {named(name)} is on already, so it answers now; set exchange: standard, or switch it off"
    for target, policy in legacy_ways(name, facts, certain=True):
        if target not in _audiences(client, facts.survey):
            yield (
                f"policy {named(policy)} lets {named(name)} exchange for {named(target)} too, which the switch would end; "
                "declare that as a grant of this stack and migrate both, or take the policy away"
            )
    for source, owner in _other_stacks_recipients(name, facts):
        yield (
            f"stack {named(owner)} has a legacy grant by which {named(name)} exchanges tokens of {named(source)}; "
            "set exchange: standard there at the same time, or move the grant into one of them"
        )


def _acts_of_standard(requester: str, facts: Situation) -> Iterator[Act]:
    """What client policies do to the standard exchange of a requester, and do not to its legacy exchange today."""
    client = facts.survey.clients.get(requester)
    if client is None:
        return
    today = facts.policies.acts(Asking(client))
    narrowed = "noWiderScopes" in (facts.config.get("guards") or "")
    for act in facts.policies.acts(Asking(client.with_values({SWITCH: "true"}))):
        if not narrowed if act.effect is Effect.NARROWS else act not in today:
            yield act


def legacy_ways(requester: str, facts: Situation, *, certain: bool) -> Iterator[tuple[str, str]]:
    """(target, policy) of the legacy exchanges of a client that no grant of the stack declares.

    certain: the policy lists the client; else it judges by something else, so the client may not be meant.
    """
    survey = facts.survey
    ours = {hash16(str(part.props.get("owner"))) for part in facts.parts}
    declared = {each.target for each in facts.grants if each.realm == survey.realm and each.asks(requester)}
    for target, permission in survey.permissions.items():
        for name in permission.policies if target not in declared else ():
            policy = survey.policies.get(name) or {}
            if mark_of(policy) in ours:
                continue
            through = _lets_through(policy, survey)
            if not certain if through is None else certain and requester in through:
                yield target, name


def _lets_through(policy: Json, survey: Survey, depth: int = 0) -> set[str] | None:
    """The clients that a policy lists; None if it judges by something else."""
    if is_negative(policy):
        return None
    if policy.get("type") == "client":
        return set(names_in(policy, "clients"))
    if policy.get("type") == "aggregate" and depth < 10:
        names = names_in(policy, "applyPolicies")
        members = [_lets_through(survey.policies.get(name) or {}, survey, depth + 1) for name in names]
        known = [each for each in members if each is not None]
        return set().union(*known) if known else None
    return None


def _audiences(client: Client, survey: Survey) -> set[str]:
    """The audiences that mappers of a client, and of its default client scopes, add; roles of scopes are ignored."""
    return {each.audience for each in added(client, survey.scopes) if each.audience and not each.on_request}


def _other_stacks_recipients(requester: str, facts: Situation) -> Iterator[tuple[str, str]]:
    for client in facts.survey.clients.values():
        for each in added(client, {}) if client.client_id != requester else ():
            mapper = each.own
            theirs = mapper and mapper.owner and stack_of(mapper.owner) not in facts.owners
            if mapper and theirs and mapper.exchange == LEGACY and mapper.included_client == requester:
                yield client.client_id, str(mapper.owner)
