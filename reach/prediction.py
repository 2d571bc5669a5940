"""Predicts exchanges from a realm's state, without any login or secret. A prediction is not a proof.

It reads what decides the exchange (switch, mappers, permission, guards). Where a user is known, it also reads the tokens as
Keycloak's own evaluation of client scopes makes them. What only a real exchange can show is reported as unknown, not guessed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kcadmin.objects.events import NOT_AVAILABLE
from kcadmin.objects.features import LEGACY, STANDARD, SWITCH
from kcadmin.objects.realm import Realm, realm_for
from kcadmin.rest import texts
from kcadmin.rest.errors import Forbidden, TokenRefused
from kcadmin.rest.session import Session
from kcadmin.rest.texts import quoted
from reach.allowed import RealmReach
from reach.among_clients import AmongClients, reach_among_clients
from reach.consents import granted, needed
from reach.example_tokens import FailedExample, NoExample, example_token, no_access, user_named
from reach.fitness import bound_by, proofs
from reach.guards import NO_WIDER_SCOPES
from reach.heeded import scopes_in
from reach.reasons import OWN, PERMISSION, Unordered, Unseen, Way, Ways, always, conditions
from reach.reasons import Reasoning as Computed
from reach.roles import asked_for
from reach.verdict import Case, Claims, Subject, Verdict, check_contents, notes_of, wrong_exchange

TARGET_ALONE = "aud is the target alone"
NO_USER = "roles, lifetime and scopes: they depend on the user; name one with --as-user"


@dataclass(frozen=True)
class _Tokens:
    """Both tokens as predicted; refused: in Keycloak's words, why there is no exchanged one.

    unsure: by audience of the exchanged one, the conditions for it. sure: whether a real exchange is refused, too.
    """

    subject: Claims
    exchanged: Claims | None
    refused: str | None = None
    unsure: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sure: bool = False


class Predictor:
    """Predicts cases. Each realm is read once, with all clients of the cases."""

    def __init__(self, session: Session, cases: Iterable[Case], username: str | None = None) -> None:
        self._session = session
        self._username = username
        self._named: dict[str, set[str]] = {}
        for case in cases:
            self._named.setdefault(case.realm, set()).update((case.source, case.requester, case.target))
        self._among: dict[str, AmongClients] = {}
        self._users: dict[tuple[str, str], Mapping[str, Any] | None] = {}

    def predict(self, case: Case) -> Verdict:
        """:raises Refusal: the user cannot be read, or the realm is not."""
        realm = realm_for(self._session, case.realm)
        among = self._look(realm).asking(case.requester, (case.exchange_scope or "").split())
        computed = among.reach.verdict(case.requester, case.source, case.audience, case.exchange)
        subject = Subject(self._username) if self._username else None
        unknown, basis = (*among.unseen, *among.reach.unjudged), reasons(among.reach, computed, case.requester)
        verdict = Verdict(case, subject, proved=False, dry=True, basis=basis, unknown=unknown)
        off = ["the realm is disabled"] if realm.settings().get("enabled") is False else []
        faults = [*off, *_wrong(case, computed, among.reach), *computed.why_not, *_not_to_ask(case, among.reach)]
        if faults:
            return replace(verdict, outlook=False, reason="; ".join(dict.fromkeys(faults)))
        owner = self._user(realm, case)
        if owner is None:
            return _by_mappers(verdict, among, computed)
        if not owner.get("enabled", True):
            return replace(
                verdict, outlook=False, reason=f"{subject or Subject()} is disabled, which makes tokens invalid"
            )
        user = str(owner["id"])
        lacking = self._not_consented(realm, among, case, user)
        if lacking:
            to = f"client scope {quoted(lacking)} of {texts.named(case.requester)}"
            return replace(verdict, outlook=False, reason=f"the user has not consented to {to}")
        if lacking is not None:
            among = replace(among, consented=True)
        try:
            tokens = _tokens(realm, among, case, user)
        except FailedExample as failed:
            return _by_mappers(verdict, among, computed, str(failed))
        except NoExample as none:
            return _by_mappers(replace(verdict, unknown=(*verdict.unknown, str(none))), among, computed)
        except Forbidden:
            if self._username:
                raise no_access(realm, self._username) from None
            seen = "tokens of the source's service account: this login may not read them; give it the role view-users"
            return _by_mappers(replace(verdict, unknown=(*verdict.unknown, seen)), among, computed)
        if hidden := _not_in_examples(among, case, computed, tokens):
            return _by_mappers(replace(verdict, unknown=(*verdict.unknown, hidden)), among, computed)
        return _by_tokens(replace(verdict, subject=subject or Subject()), among, computed, tokens)

    def _look(self, realm: Realm) -> AmongClients:
        if realm.name not in self._among:
            self._among[realm.name] = reach_among_clients(realm, realm.features(), self._named[realm.name])
        return self._among[realm.name]

    def _not_consented(self, realm: Realm, among: AmongClients, case: Case, user: str) -> tuple[str, ...] | None:
        """Why the exchange is refused; None if the login may not read it, which a condition then reports."""
        requester = among.reach.clients[case.requester]
        if case.exchange != STANDARD or not requester.is_on("consentRequired"):
            return ()
        scopes = scopes_in(realm)
        try:
            given = granted(realm.consents_of(user), requester)
        except Forbidden:
            return None
        return tuple(sorted(needed(requester, scopes, case.exchange_scope) - given))

    def _user(self, realm: Realm, case: Case) -> Mapping[str, Any] | None:
        """Whose tokens are predicted. A service account does not show whether a grant with users' roles works."""
        key = (realm.name, "" if self._username else case.source)
        if key not in self._users:
            source = realm.clients.find(case.source)
            account = realm.service_account(source) if source and not self._username else None
            self._users[key] = user_named(realm, self._username) if self._username else account
        return None if case.roles and not self._username else self._users[key]


def _not_in_examples(among: AmongClients, case: Case, computed: Computed, tokens: _Tokens) -> str | None:
    """What examples of both tokens do not show, if that matters."""
    ways = (*computed.source_ways, *computed.audience_ways)
    if any(isinstance(each, Unordered) for way in ways for each in way.when):
        return "both tokens: of mappers that write aud, each token may have another one last"
    if any(isinstance(each, Unseen) for each in among.may_fail(case)):
        return "the subject token: no example of it shows whether Keycloak accepts what a mapper writes"
    if (
        tokens.refused and not tokens.sure and always(computed.audience_ways)
    ):  # seen where two mappers add the same audience
        return f"the exchanged token: mappers add {texts.named(case.audience)} to aud, and Keycloak's example of it does not"
    return None


def reasons(reach: RealmReach, computed: Computed, requester: str) -> tuple[str, ...]:
    """The parts of a realm's state that decide an exchange, a clause each: the switch, a permission, then mappers."""
    client = reach.clients.get(requester)
    shown = client if STANDARD not in reach.lacks else None
    found = [f"the switch of {texts.named(requester)} is {'on' if shown.is_on(SWITCH) else 'off'}"] if shown else []
    ways = [way for way in (*computed.source_ways, *computed.audience_ways) if way.kind != OWN]
    ways.sort(key=lambda way: way.kind != PERMISSION)
    return tuple(dict.fromkeys([*found, *(way.by + (f" (of {way.owner})" if way.owner else "") for way in ways)]))


def _wrong(case: Case, computed: Computed, reach: RealmReach) -> list[str]:
    if computed.exchange == case.exchange or computed.exchange is None:
        return []
    return [wrong_exchange(case, computed.exchange, "would answer", reach.lacks.get(case.exchange, ""))]


def _not_to_ask(case: Case, reach: RealmReach) -> Iterator[str]:
    """The scopes that a case requests although a guard does not allow that with the source's tokens."""
    for scope, sources in reach.guards.asked.get(case.requester, {}).items():
        if scope in (case.exchange_scope or "").split() and case.source not in sources:
            yield (
                f"the guard on scopes does not let {texts.named(case.requester)} ask for scope {texts.named(scope)} "
                f"with tokens of {texts.named(case.source)}"
            )


def _tokens(realm: Realm, among: AmongClients, case: Case, user: str) -> _Tokens:
    clients = among.reach.clients
    subject = _blank(example_token(realm, clients[case.source], user, scope=case.login_scope))
    if why := subject.refused_for or (subject.unread and f"Keycloak cannot read {quoted(subject.unread)} of the token"):
        return _Tokens(subject, None, why, sure=True)
    if case.exchange == STANDARD:
        try:
            made = example_token(
                realm, clients[case.requester], user, scope=case.exchange_scope, audience=case.audience
            )
        except TokenRefused as refused:
            return _Tokens(subject, None, str(refused))
        made = _blank(made)
        return _narrowed(among, case, subject, made) if _is_narrow(among, case) else _Tokens(subject, made)
    # The legacy exchange makes a token as the target would, asked for the subject token's scopes, and names the target in it.
    target = case.audience or case.requester
    made = example_token(realm, clients[target], user, scope=subject.scope)
    aud = made.aud if target == case.requester or target in made.aud else (*made.aud, target)
    return _Tokens(subject, replace(_blank(made), aud=aud, azp=case.requester))


def _is_narrow(among: AmongClients, case: Case) -> bool:
    return case.exchange == STANDARD and case.requester in among.reach.guards.no_wider_scopes


def _narrowed(among: AmongClients, case: Case, subject: Claims, made: Claims) -> _Tokens:
    """The exchanged token without what a guard on wider scopes leaves out of it, which Keycloak's examples do not show."""
    left, before = among.left(case.requester, subject.scopes), among.whole(case.requester)
    stays: list[str] = []
    unsure: dict[str, tuple[str, ...]] = {}
    for name in made.aud:
        ways = left.ways(case.requester, name)
        if ways and not always(ways) and {*ways} != {*before.ways(case.requester, name)}:
            unsure[name] = conditions(ways)
        if ways or name == case.requester:
            stays.append(name)
    if case.audience and case.audience not in stays:
        return _Tokens(subject, None, f"{NOT_AVAILABLE}: {case.audience}", sure=True)
    scope = " ".join(name for name in made.scope.split() if name in subject.scopes)
    return _Tokens(subject, replace(made, aud=tuple(stays), scope=scope), unsure=unsure)


def _blank(claims: Claims) -> Claims:
    """Without what only an example contains: it has no session, and no exchange made it."""
    return replace(claims, jti="", sid="")


def _by_tokens(verdict: Verdict, among: AmongClients, computed: Computed, tokens: _Tokens) -> Verdict:
    """If both tokens are known, users' roles and requested scopes are no longer conditions."""
    case, faults = verdict.case, []
    legacy_audience = case.exchange == LEGACY and case.audience not in (None, case.requester)
    if case.requester != case.source and not legacy_audience and case.requester not in tokens.subject.aud:
        faults.append(
            f"the subject token's aud is {quoted(tokens.subject.aud)} without the requester {texts.named(case.requester)}"
        )
    asked = {*(case.exchange_scope or "").split()}
    narrow = case.requester in among.reach.guards.no_wider_scopes
    if narrow and (wider := sorted(asked - tokens.subject.scopes)):
        faults.append(
            f"it asks for scope {quoted(wider)}, which the subject token has not, and a guard forbids wider ones"
        )
    if tokens.exchanged:
        faults += check_contents(case, tokens.subject, tokens.exchanged)
    elif tokens.refused:
        faults.append(tokens.refused)
    notes = notes_of(case, tokens.subject, tokens.exchanged) if tokens.exchanged else ()
    verdict = replace(verdict, subject_claims=tokens.subject, exchanged_claims=tokens.exchanged, notes=notes)
    if faults:
        return replace(verdict, outlook=False, reason="; ".join(faults))
    permission = tuple(way for way in computed.audience_ways if way.kind == PERMISSION)
    open_ = [*conditions(permission), *tokens.unsure.get(case.audience or case.target, ())]
    if case.exact and {*tokens.unsure} - {case.target}:
        open_.append(TARGET_ALONE)
    return _concluded(verdict, among, open_)


def _by_mappers(verdict: Verdict, among: AmongClients, computed: Computed, *besides: str) -> Verdict:
    """Without a user: what mappers add to tokens, for all or on request. besides: further conditions, a phrase each."""
    case = verdict.case
    asked = {asked_for(scope) for scope in (case.login_scope, case.exchange_scope) if scope}
    open_ = [*besides, *among.may_fail(case)]
    for ways in (computed.source_ways, computed.audience_ways):
        open_ += conditions(
            tuple(replace(way, when=tuple(when for when in way.when if when not in asked)) for way in ways)
        )
    filtered = case.exchange == STANDARD and case.audience
    of_client = case.audience if case.exchange == LEGACY and case.audience else case.requester
    standard = among.reach.names_at_exchange(case.requester) if case.exchange == STANDARD else None
    named = () if filtered else _named(among.reach.names.get(of_client, {}) if standard is None else standard, asked)
    if case.exchange_scope and case.requester in among.reach.guards.no_wider_scopes:
        open_.append(NO_WIDER_SCOPES)
    aud = tuple(dict.fromkeys((*([case.audience] if case.audience else []), *named)))
    if case.exact and aud != (case.target,):
        open_.append(TARGET_ALONE)
    if case.target not in aud and not open_:
        open_.append(f"a role of the user puts {texts.named(case.target)} into aud")
    subject = _only_aud(case.source, _named(among.reach.names.get(case.source, {}), asked))
    unknown = (*verdict.unknown, NO_USER)
    foreseen = replace(
        verdict, subject_claims=subject, exchanged_claims=_only_aud(case.requester, aud), unknown=unknown
    )
    return _concluded(foreseen, among, open_)


def _concluded(verdict: Verdict, among: AmongClients, open_: Sequence[str]) -> Verdict:
    requester = verdict.case.requester
    client = among.reach.clients[requester]
    consent = client.is_on("consentRequired") and verdict.case.exchange == STANDARD and not among.consented
    asked = [f"the user has consented to {texts.named(requester)}"] if consent else []
    needed = proofs(requester, bound_by(client), own=verdict.case.source == requester)
    phrases = dict.fromkeys((*open_, *asked, *needed, *among.reach.guards.when.get(requester, ())))
    if not phrases:
        return replace(verdict, outlook=True)
    return replace(verdict, outlook=None, reason=f"only if {'; '.join(phrases)}")


def _named(names: Mapping[str, Ways], asked: set[str]) -> tuple[str, ...]:
    def sure(way: Way) -> bool:
        return not [when for when in way.when if when not in asked]

    return tuple(sorted(aud for aud, ways in names.items() if any(map(sure, ways))))


def _only_aud(azp: str, aud: tuple[str, ...]) -> Claims:
    return Claims("", azp, aud, "", 0, 0, "", "")
