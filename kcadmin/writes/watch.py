"""Compares clients after writes: reports unannounced changes of fields, and refusals.

Client policies may change or refuse any write (``kcadmin.writes.prediction``). The prediction before a run may be wrong: a
policy may be new, check the address of the login, or use a custom provider. So each write is compared.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from kcadmin.marks.notes import read_note
from kcadmin.marks.ownership import CLAIM_PREFIX
from kcadmin.rest.errors import SERVER_ERROR, HttpError, KeycloakError, Refusal, sentence
from kcadmin.rest.session import Session
from kcadmin.rest.texts import shown
from kcadmin.writes.executors import ATTRIBUTE, is_alike, value_of
from kcadmin.writes.policies import known_policies
from kcadmin.writes.prediction import RealmPolicies, foretell
from kcadmin.writes.rotation import PREFIX, ROTATED, SECRET, has_former_secret
from kcadmin.writes.votes import Write

OURS = "pulumi."
APART = frozenset(("access", "attributes", "defaultClientScopes", "optionalClientScopes", SECRET))
"""Fields that a write of a client does not change, or that are compared under other names."""
OF_STACKS = frozenset(
    ATTRIBUTE + name
    for name in (
        "standard.token.exchange.enabled",
        "standard.token.exchange.enableRefreshRequestedTokenType",
        "access.token.lifespan",
        "use.refresh.tokens",
    )
)
"""Fields that other stacks may write at the same time, and no client policy does."""
SECRET_WORDS = ("secret", "password", "private.key")
BAD_REQUEST = 400


class Unannounced(Refusal):
    """A write changed more than it sent, and no preview announced that. The write itself stays."""


class Described(Protocol):
    """A client as the server describes it."""

    @property
    def client_id(self) -> str: ...
    @property
    def realm(self) -> str: ...
    @property
    def representation(self) -> Mapping[str, Any]: ...


@dataclass
class Watch:
    """Results of the writes within a call: a sentence for each unannounced change, and refusals.

    of_others: a sentence for each change that no client policy can have made. claimed: by client and attribute, whether the
    claim existed before the call wrote it.
    """

    forgives: bool = False
    accepted: frozenset[str] = frozenset()
    unannounced: list[str] = field(default_factory=list)
    of_others: list[str] = field(default_factory=list)
    refused: list[HttpError] = field(default_factory=list)
    claimed: dict[tuple[str, str], bool] = field(default_factory=dict)

    @property
    def continues(self) -> bool:
        """Whether the call has written a claim that existed before, so that a state may contain its resource."""
        return any(self.claimed.values())

    def note_claims(self, before: Described, values: Iterable[str]) -> None:
        """Notes the claims in these values. Call it before anything else about their write."""
        for each in values:
            if each.startswith(ATTRIBUTE + CLAIM_PREFIX):
                self.claimed.setdefault((before.client_id, each), bool(value_of(before.representation, each)))

    def tell(self) -> None:
        """:raises Unannounced: a write changed more than it says."""
        if self.unannounced:
            raise Unannounced(*self.unannounced)


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watched(accepted: Iterable[str] = (), *, forgives: bool = False) -> Iterator[Watch]:
    """Within the block, unannounced changes are noted, and do not stop the work.

    :param accepted: fields of clients that client policies may change, attributes without ``attributes.``.
    :param forgives: writes of a client that Keycloak refuses are noted, too.
    """
    token = _watch.set(watch := Watch(forgives, frozenset(accepted)))
    try:
        yield watch
    finally:
        _watch.reset(token)


@contextmanager
def told_at_end() -> Iterator[None]:
    """The whole block runs before it fails because of unannounced changes. What an outer block accepts stays accepted.

    :raises Unannounced: a write changed more than it says.
    """
    with watched(accepted_now()) as watch:
        yield
    watch.tell()


def accepted_now() -> frozenset[str]:
    """The fields that client policies may change at writes within this call."""
    watch = _watch.get()
    return watch.accepted if watch else frozenset()


def is_refused(problem: Exception) -> bool:
    """Whether Keycloak refused the content of a request."""
    return isinstance(problem, HttpError) and problem.status == BAD_REQUEST


def forgiven(problem: KeycloakError, write: Write, policies: RealmPolicies) -> bool:
    """Whether a refused write of a client is only noted. With a broken client profile the answer is 500."""
    watch = _watch.get()
    if watch is None or not watch.forgives or not isinstance(problem, HttpError):
        return False
    is_broken = problem.status == SERVER_ERROR and foretell(write, policies).refused is not None
    if is_broken or is_refused(problem):
        watch.refused.append(problem)
        return True
    return False


def may_act(policies: RealmPolicies, session: Session, realm: str) -> bool:
    """Whether client policies may have acted on a write made under these; reads them again if none is enabled."""
    if policies.acting:
        return True
    try:
        now, is_readable = known_policies(session, realm)
    except KeycloakError:
        return True  # so the change is told
    return bool(now.acting) or not is_readable


def not_given_back(refused: HttpError) -> str:
    """What a refused write of a client means for a resource that is removed."""
    return (
        f"its client was not changed, since Keycloak refuses the write ({refused.clause}), as client policies do; the setting "
        "and its claim (attribute pulumi.claim.…) stay; once the policy allows the write, `pulumi up` and `pulumi destroy` "
        "with the same grant and owner restore it"
    )


def compare(
    before: Described,
    now: Described,
    values: Collection[str],
    accepted: Collection[str],
    acts: Callable[[], bool] = lambda: True,
) -> None:
    """Reports what a write changed besides its values.

    :param before: the client before it. now: after it. accepted: fields that may change, attributes without ``attributes.``.
    :param acts: asks whether client policies may have acted; if not, a change by another writer is not a fault of this write.
    :raises Unannounced: something else changed, unless the writes are ``watched``.
    """
    watch = _watch.get()
    if watch:
        watch.note_claims(before, values)
    changed = differences(before.representation, now.representation, values, accepted)
    if changed.keys() - {ROTATED} and not acts():
        others = {field: changed.pop(field) for field in changed.keys() - {ROTATED}}
        what = changes_in_words(others)
        wrong = f"while this client was written, {what} changed, too, and no client policy is enabled that does so"
        if watch:
            watch.of_others.append(
                sentence("client", now.client_id, now.realm, wrong, "find who else writes this client")
            )
    if not changed:
        return
    wrong = (
        f"when this client was written, the server also changed {changes_in_words(changed)}, which no preview announced"
    )
    remedy = (
        "find which client policy of the realm does it, or who else writes this client, and correct the field; "
        "`pulumi preview` shows what client policies change"
    )
    text = sentence("client", now.client_id, now.realm, wrong, remedy)
    if watch is None:
        raise Unannounced(text)
    watch.unannounced.append(text)


def changes_in_words(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """Former and present values of fields, without secrets."""
    return "; ".join(
        f"{field.removeprefix(ATTRIBUTE)} from {shown_value(field, was)} to {shown_value(field, is_)}"
        for field, (was, is_) in sorted(changed.items())
    )


def differences(
    before: Mapping[str, Any], now: Mapping[str, Any], values: Collection[str], accepted: Collection[str]
) -> dict[str, tuple[Any, Any]]:
    """Fields, and attributes as ``attributes.<key>``, that changed unintentionally: former and present values."""
    attributes = {ATTRIBUTE + key for each in (before, now) for key in each.get("attributes") or ()}
    known = {field for field in (*before, *now) if field not in APART} | attributes
    meant = {*values, *OF_STACKS, *_claimed(before, now)}
    found = {}
    for each in known - meant:
        name = each.removeprefix(ATTRIBUTE)
        if name in accepted or name.startswith(OURS) or _of_secret(name, before, accepted):
            continue
        was, is_ = value_of(before, each), value_of(now, each)
        if not is_alike(_plain(was), _plain(is_)):
            found[each] = (was, is_)
    return found


def _of_secret(name: str, before: Mapping[str, Any], accepted: Collection[str]) -> bool:
    """Whether an attribute about secrets may change: the secret has expired, is the first one, or the change was accepted."""
    if not name.startswith(PREFIX):
        return False
    if SECRET in accepted or name == f"{PREFIX}expiration.time":
        return True
    if ATTRIBUTE + name == ROTATED:
        return not has_former_secret(before)
    if name.startswith(f"{PREFIX}rotated"):
        return True
    return not value_of(before, ATTRIBUTE + name)


def _claimed(before: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """The fields of claims that appeared or disappeared: another stack wrote them with its claim."""
    fields: set[str] = set()
    one, other = (each.get("attributes") or {} for each in (before, now))
    for key in {each for each in (*one, *other) if each.startswith(CLAIM_PREFIX) and one.get(each) != other.get(each)}:
        for text in (one.get(key), other.get(key)):
            with suppress(ValueError):
                note = read_note(text) if text else None
                for part in ("set", "was"):
                    held = note.get(part) if isinstance(note, Mapping) else None
                    fields |= {str(each) for each in held} if isinstance(held, Mapping) else set()
    return fields


def _plain(value: Any) -> Any:
    """The form in which values are compared: lists are sets, and off, empty and missing are equal."""
    if isinstance(value, list) and value:
        return sorted(map(str, value))
    return None if value in (False, "false", "", [], {}) else value


def shown_value(field: str, value: Any) -> str:
    """A field's value for people, without secrets."""
    is_secret = field.startswith(ATTRIBUTE + PREFIX) or any(each in field.lower() for each in SECRET_WORDS)
    if is_secret and value and not isinstance(value, bool):
        return "a value that is not shown"
    if isinstance(value, bool):
        return str(value).lower()
    return "nothing" if value in (None, "") else shown(value)
