"""The exchanges that a realm's mappers and switches allow, as far as grants can declare them; and those that grants cannot
declare.

The standard exchange: a client whose switch is on may exchange its own tokens, and tokens with itself in aud. The audience is
itself, or a client in aud of its own tokens. The legacy exchange: a client in aud of a token may exchange that token for
itself, without a permission.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from exchange.inventory.audiences import Naming, Namings
from exchange.inventory.remarks import Level, Remark
from kcadmin.objects.claims import claims
from kcadmin.objects.clients import Client
from kcadmin.objects.features import LEGACY, REFRESH, SAME_SESSION, STANDARD, SWITCH, SWITCH_CLAIM
from kcadmin.rest import texts
from kcadmin.rest.texts import quoted
from kcadmin.writes.votes import is_true
from reach.existing_policies import Window
from reach.fitness import Position, Unfit, unfit_for
from reach.survey import Survey

RECIPIENT, REQUESTER, THIRD = "recipient", "requester", "third"
LOGINS = (
    "standardFlowEnabled",
    "implicitFlowEnabled",
    "directAccessGrantsEnabled",
    "serviceAccountsEnabled",
    "attributes.oauth2.device.authorization.grant.enabled",
    "attributes.oidc.ciba.grant.enabled",
)


NO_EFFECT = "is on but has no effect: no audience mapper connects it to another client"


@dataclass(frozen=True)
class ExistingExchange:
    """``requester`` may turn a token of ``source`` into one for ``target``. naming: how the target gets into aud.

    policy, window: of a legacy policy that lets the requester through.
    """

    exchange: str
    flow: str
    source: str
    requester: str
    target: str
    allow_refresh: bool
    naming: Naming = field(default_factory=Naming)
    policy: str | None = None
    window: Window | None = None


def existing_exchanges(
    survey: Survey, names: Namings, connected: Collection[str] = ()
) -> tuple[list[ExistingExchange], list[Remark]]:
    """What mappers and switches allow. connected: clients that can also exchange by client scopes that everybody holds."""
    found: list[ExistingExchange] = []
    findings: list[Remark] = []
    naming_them = _turned(survey, names)
    for requester, client in survey.clients.items():
        if is_switched_on(survey, client):
            each, said = _standard(survey, names, naming_them, client)
            said = [remark for remark in said if requester not in connected or remark.says != NO_EFFECT]
        else:
            each, said = _legacy(survey, naming_them, requester)
        found += each
        findings += said
    findings += [*_named_by_nobody(survey, names), *_besides(survey, naming_them)]
    return found, findings


def is_switched_on(survey: Survey, client: Client) -> bool:
    """Whether the standard exchange serves a client. Then the legacy one never does."""
    return survey.features.standard_exchange and client.is_on(SWITCH)


def _asks(survey: Survey, client: Client) -> bool:
    """Whether a client may exchange its own tokens by the standard exchange."""
    return is_switched_on(survey, client) and not unfit_client(
        client, client.client_id, Position.REQUESTER, STANDARD, foreign=False
    )


def unfit_client(
    client: Client | None, name: str, position: Position, exchange: str, *, foreign: bool = True
) -> str | None:
    """Why no grant can have a client in a position. foreign: whether it exchanges another client's token."""
    found = unfit_for(client, position, exchange, foreign=foreign)
    if position is Position.REQUESTER and client and client.is_on("publicClient") and Unfit.PUBLIC not in found:
        what = "is public, so it may exchange only its own tokens, and no grant has a public requester"
        return f"client {texts.named(name)} {what}"
    words = {
        Unfit.MISSING: f"there is no client {texts.named(name)}",
        Unfit.DISABLED: f"client {texts.named(name)} is disabled",
        Unfit.PROTOCOL: f"client {texts.named(name)} is not an OpenID Connect client",
        Unfit.PUBLIC: f"client {texts.named(name)} is public, and only a confidential one may exchange"
        + (" tokens of others" if exchange == LEGACY else ""),
        Unfit.BEARER_ONLY: f"client {texts.named(name)} is bearer-only and "
        + ("cannot call the token endpoint" if position is Position.REQUESTER else "gets no tokens"),
        Unfit.BOUND: f"tokens of client {texts.named(name)} are bound to its caller's key, so it alone may exchange them",
        Unfit.CONSENT: f"client {texts.named(name)} requires consent, which the legacy exchange refuses",
    }
    return words[found[0]] if found else None


def gets_tokens(client: Client) -> bool:
    """Whether a login at this client issues tokens."""
    return not client.is_on("bearerOnly") and any(client.is_on(each) for each in LOGINS)


def _turned(survey: Survey, names: Namings) -> dict[str, dict[str, Naming]]:
    """By client, whose tokens name it."""
    found: dict[str, dict[str, Naming]] = {}
    for source, named in names.items():
        for audience, naming in named.items():
            if source != audience and audience in survey.clients and gets_tokens(survey.clients[source]):
                found.setdefault(audience, {})[source] = naming
    return found


def _standard(
    survey: Survey, names: Namings, naming_them: Mapping[str, Mapping[str, Naming]], client: Client
) -> tuple[list[ExistingExchange], list[Remark]]:
    name = client.client_id
    sources = naming_them.get(name, {})
    targets = {each: naming for each, naming in names.get(name, {}).items() if each != name and each in survey.clients}
    about = f"switch of client {texts.named(name)}"
    if why := unfit_client(client, name, Position.REQUESTER, STANDARD):
        level = Level.LOST if (sources or targets) and not client.is_on("enabled") else Level.EMPTY
        return [], [Remark(level, about, why, "change that, or switch it off")]
    if not sources and not (targets and gets_tokens(client)):
        return [], [Remark(Level.EMPTY, about, NO_EFFECT, "audiences from users' roles do not become grants")]
    owner = _switch_owner(client)
    refresh = client.value(REFRESH) == SAME_SESSION
    found: list[ExistingExchange] = []
    findings: list[Remark] = []

    def take(each: ExistingExchange, *via: Naming) -> None:
        findings_ = list(_against(survey, each, owner, (each.naming, *via)))
        found.extend([] if findings_ else [each])
        findings.extend(findings_)

    for source, naming in sources.items():
        take(ExistingExchange(STANDARD, RECIPIENT, source, name, name, refresh, naming))
    for target, naming in targets.items():
        if gets_tokens(client):
            take(ExistingExchange(STANDARD, REQUESTER, name, name, target, refresh, naming))
        for source, through in sources.items():
            if source == target:
                says = (
                    f"{texts.named(name)} may turn tokens of {texts.named(source)} into new ones for "
                    f"{texts.named(source)} itself"
                )
                findings.append(
                    Remark(Level.LOST, f"{source} → {name} → {source}", says, "no grant has its source as target")
                )
            elif not through.always and not through.fault and not through.owner:
                says = (
                    f"tokens of {texts.named(source)} have {texts.named(name)} in aud only under a condition, which a grant "
                    "with a third client cannot express"
                )
                findings.append(
                    Remark(
                        Level.LOST, f"{source} → {name} → {target}", says, "declare it by hand, without the condition"
                    )
                )
            else:
                take(ExistingExchange(STANDARD, THIRD, source, name, target, refresh, naming), through)
    return found, findings


def _legacy(
    survey: Survey, naming_them: Mapping[str, Mapping[str, Naming]], name: str
) -> tuple[list[ExistingExchange], list[Remark]]:
    client, features = survey.clients[name], survey.features
    sources = naming_them.get(name, {})
    findings: list[Remark] = []
    if client.is_on(SWITCH):
        says = "is on, but this server has no standard exchange"
        findings.append(Remark(Level.EMPTY, f"switch of client {texts.named(name)}", says))
    if not sources:
        return [], findings
    why = unfit_client(client, name, Position.REQUESTER, LEGACY)
    if why or not features.legacy_exchange:
        idle = sorted(source for source in sources if not _asks(survey, survey.clients[source]))
        says = why or f"the standard exchange of {texts.named(name)} is off, and this server has no legacy one"
        says = f"named in tokens, but nothing exchanges them: {says}"
        return [], [*findings, *([Remark(Level.EMPTY, f"{texts.first_few(idle)} → {name}", says)] if idle else [])]
    found = []
    for source, naming in sources.items():
        if is_switched_on(survey, survey.clients[source]):
            continue  # see _besides
        each = ExistingExchange(LEGACY, RECIPIENT, source, name, name, True, naming)
        against = list(_against(survey, each, None, (naming,)))
        if not features.fine_grained_permissions:
            says = (
                f"the legacy exchange is on without its permissions, so {texts.named(name)} may exchange, and no "
                "grant can be made"
            )
            against = [
                Remark(Level.LOST, f"{source} → {name}", says, "switch admin-fine-grained-authz:v1 on, or legacy off")
            ]
        findings += against
        found += [] if against else [each]
    return found, findings


def _besides(survey: Survey, naming_them: Mapping[str, Mapping[str, Naming]]) -> Iterator[Remark]:
    """What mappers for the standard exchange also allow in the legacy one.

    Nobody asked for that, so it does not become a grant.
    """
    pairs = [
        f"{source} → {name}"
        for name, sources in sorted(naming_them.items())
        for source in sorted(sources)
        if is_switched_on(survey, survey.clients[source])
        and not is_switched_on(survey, survey.clients[name])
        and not unfit_client(survey.clients[name], name, Position.REQUESTER, LEGACY)
        and not unfit_client(survey.clients[source], source, Position.SOURCE, LEGACY)
    ]
    if pairs and survey.features.legacy_exchange:
        says = "the targets may exchange these tokens by the legacy exchange too, since they are named in them"
        yield Remark(
            Level.NOTE, texts.first_few(pairs, texts.MOST_QUOTED), says, "switch the legacy exchange off to end it"
        )


def _against(
    survey: Survey, each: ExistingExchange, switch_owner: str | None, names: tuple[Naming, ...]
) -> Iterator[Remark]:
    """What keeps an exchange out of the grants: the first reason alone."""
    third = [each.requester] if each.flow == THIRD else []
    about = " → ".join([each.source, *third, each.target])
    owner = switch_owner or next((naming.owner for naming in names if naming.owner), None)
    if owner:
        yield Remark(Level.STACKS, about, f"belongs to the stack {texts.named(owner)} ({each.exchange}, {each.flow})")
        return
    for client, position in ((each.source, Position.SOURCE), (each.target, Position.TARGET)):
        if why := unfit_client(
            survey.clients.get(client), client, position, each.exchange, foreign=each.flow != REQUESTER
        ):
            yield Remark(Level.LOST, about, why, "change that, and run inventory again, or take the mapper away")
            return
    fault = next((naming.fault for naming in names if naming.fault), None)
    foreign = [role for client, role in each.naming.roles if client not in ("", each.target)]
    if fault:
        yield Remark(Level.LOST, about, *fault)
    elif foreign and each.exchange == STANDARD and each.flow != RECIPIENT:
        says = f"role {texts.named(foreign[0])} is of another client, which the standard exchange ignores"
        yield Remark(Level.LOST, about, says, f"require a realm role, or one of {texts.named(each.target)}")


def _named_by_nobody(survey: Survey, names: Namings) -> Iterator[Remark]:
    """Audiences that are not clients."""
    holders: dict[str, list[str]] = {}
    for source, named in names.items():
        for audience in named:
            if audience not in survey.clients:
                holders.setdefault(audience, []).append(source)
    ids = {client.uuid: name for name, client in survey.clients.items()}
    for audience, clients in holders.items():
        says, remedy = "there is no client of that name, so no exchange asks for it", ""
        if audience in ids:
            says = f"is the UUID of client {texts.named(ids[audience])}, and aud holds client ids, so no exchange asks for it"
            remedy = f"let the mapper add {texts.named(ids[audience])}"
        yield Remark(
            Level.EMPTY,
            f"audience {texts.named(audience)} in tokens of {quoted(sorted(clients))}",
            says,
            remedy,
            f"audiences in tokens of {texts.named(min(clients))}",
        )


def _switch_owner(client: Client) -> str | None:
    held = [claim for claim in claims(client, SWITCH_CLAIM) if not is_true(claim.was.get(SWITCH))]
    return held[0].owner if held else None
