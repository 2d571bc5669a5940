"""What a realm's token-exchange permissions let through, as far as grants can declare it; the rest as remarks.

A policy becomes a grant where it alone decides: it is the only one of its permission, or any of them suffices.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from exchange.inventory.exchanges import (
    REQUESTER,
    ExistingExchange,
    gets_tokens,
    is_switched_on,
    unfit_client,
)
from exchange.inventory.remarks import Level, Remark
from kcadmin.authz.exchange_permission import AFFIRMATIVE
from kcadmin.marks.ownership import mark_of
from kcadmin.objects.features import LEGACY
from kcadmin.objects.resource_server import TOKEN_EXCHANGE, names_in, permission_name
from kcadmin.rest.texts import named, quoted
from reach.existing_policies import ExistingPolicy, existing_policy
from reach.fitness import Position
from reach.permissions import permissions_beside
from reach.policy_meanings import grants_nothing, meaning
from reach.survey import Permission, Survey

PROVIDERS = f"{TOKEN_EXCHANGE}.permission.idp."
IMPERSONATION = ("admin-impersonating.permission.users", "user-impersonated.permission.users")


def existing_permissions(survey: Survey, providers: Mapping[str, str]) -> tuple[list[ExistingExchange], list[Remark]]:
    """What permissions allow. providers: aliases of identity providers, by their ids."""
    findings = list(_of_others(survey, providers))
    if not survey.features.offers(LEGACY):
        if survey.permissions:
            held = ", ".join(sorted(survey.permissions))
            findings.append(
                Remark(Level.EMPTY, f"token-exchange permissions of {held}", "this server has no legacy exchange")
            )
        return [], findings
    found: list[ExistingExchange] = []
    beside = permissions_beside(survey)
    for target, permission in survey.permissions.items():
        each, said = _of_target(survey, permission, beside.get(target, []))
        found += each
        findings += said
    for target, names in beside.items():
        if target not in survey.permissions:
            says = f"Keycloak expects the name {named(permission_name(survey.clients[target].uuid))}"
            findings += [Remark(Level.EMPTY, f"permission {named(name)} of {named(target)}", says) for name in names]
    return found, [*findings, *_shared(survey), *_of_any_token(survey, found)]


def _of_target(
    survey: Survey, permission: Permission, beside: Sequence[str]
) -> tuple[list[ExistingExchange], list[Remark]]:
    target, policies = permission.target, survey.policies
    about = f"token-exchange permission of {named(target)}"
    if not permission.policies:
        return [], [Remark(Level.EMPTY, about, "holds no policy, so nobody may exchange for it")]
    said = "; ".join(meaning(policies, name) for name in sorted(permission.policies))
    if beside:
        says = f"permission {quoted(beside)} covers the same, and all must grant: {said}"
        return [], [Remark(Level.LOST, about, says, "take the other out")]
    if why := unfit_client(survey.clients.get(target), target, Position.TARGET, LEGACY):
        return [], [
            Remark(
                Level.LOST, about, f"{why}: {said}", "change that, and run inventory again, or take the policies out"
            )
        ]
    if len(permission.policies) > 1 and permission.strategy != AFFIRMATIVE:
        how = "all of these must match" if permission.strategy == "UNANIMOUS" else "most of these must match"
        says = f"{permission.strategy}: {how}: {said}"
        return [], [Remark(Level.LOST, about, says, f"set {AFFIRMATIVE} if each alone may allow the exchange")]
    found: list[ExistingExchange] = []
    findings: list[Remark] = []
    seen: dict[tuple[object, ...], str] = {}
    for name in sorted(permission.policies):
        policy_about = f"policy {named(name)} of {named(target)}"
        stands = existing_policy(policies, name)
        if mark_of(policies.get(name) or {}):
            findings.append(Remark(Level.STACKS, policy_about, "bears the mark of a stack"))
        elif stands is None:
            level = Level.EMPTY if grants_nothing(policies, name) else Level.LOST
            remedy = "" if level == Level.EMPTY else "replace it by positive client policies, or keep it by hand"
            findings.append(Remark(level, policy_about, meaning(policies, name), remedy))
        elif twin := seen.get((stands.clients, stands.window)):
            findings.append(
                Remark(Level.NOTE, policy_about, f"allows the same as {named(twin)}, which became the grant")
            )
        elif wrong := _wrong(survey, target, stands):
            findings.append(
                Remark(Level.LOST, policy_about, wrong, "change that, or take the client out, and run inventory again")
            )
        else:
            seen[stands.clients, stands.window] = name
            found += [
                ExistingExchange(LEGACY, REQUESTER, each, each, target, True, policy=name, window=stands.window)
                for each in sorted(stands.clients)
            ]
    return found, findings


def _wrong(survey: Survey, target: str, stands: ExistingPolicy) -> str | None:
    """Why a grant cannot declare what a policy allows."""
    for name in sorted(stands.clients):
        client = survey.clients.get(name)
        why = unfit_client(client, name, Position.REQUESTER, LEGACY, foreign=False)
        if name == target:
            why = f"client {named(name)} is the target itself"
        elif client and is_switched_on(survey, client):
            why = f"client {named(name)} has the standard exchange on, which answers instead and uses no permission"
        if why:
            return f"{why} (it lets {', '.join(sorted(stands.clients))} through)"
    return None


def _of_others(survey: Survey, providers: Mapping[str, str]) -> Iterator[Remark]:
    """Permissions that are not on clients: on identity providers and users."""
    for name, each in sorted(survey.policies.items()):
        if each["type"] != "scope":
            continue
        held = names_in(each, "applyPolicies")
        said = "; ".join(meaning(survey.policies, policy) for policy in held) or "holds no policy"
        level = Level.LOST if held else Level.EMPTY
        if name.startswith(PROVIDERS):
            identity = name.removeprefix(PROVIDERS)
            alias = providers.get(identity, identity)
            remedy = "grants are between clients; manage it by hand" if held else ""
            yield Remark(level, f"token-exchange permission of identity provider {named(alias)}", said, remedy)
        elif name in IMPERSONATION:
            remedy = "grants do not cover impersonation; manage it by hand" if held else ""
            yield Remark(level, f"impersonation permission {named(name)}", said, remedy)


def _shared(survey: Survey) -> Iterator[Remark]:
    """Policies that several permissions use."""
    times = Counter(name for each in survey.permissions.values() for name in each.policies)
    for name, number in sorted(times.items()):
        if number > 1:
            held = ", ".join(sorted(each.target for each in survey.permissions.values() if name in each.policies))
            says = f"is used by the permissions of {held}: {meaning(survey.policies, name)}; a change of it affects all of them"
            yield Remark(Level.NOTE, f"policy {named(name)}", says)


def _of_any_token(survey: Survey, found: Sequence[ExistingExchange]) -> Iterator[Remark]:
    asking = sorted({each.requester for each in found})
    if asking:
        says = "may exchange any client's token for their targets; Keycloak does not record whose tokens they exchange"
        remedy = "if one exchanges other clients' tokens, write it as requester, with those sources"
        yield Remark(Level.NOTE, f"legacy requesters {', '.join(asking)}", says, remedy)
    for name in asking:
        if not gets_tokens(survey.clients[name]):
            says = "gets no token by a login of its own, so it exchanges those of clients that Keycloak does not record"
            yield Remark(
                Level.NOTE, f"legacy requester {named(name)}", says, "write it as requester, with those sources"
            )
