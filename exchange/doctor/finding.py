"""What a check is given, and what it finds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from exchange.doctor.error_texts import Reading
from exchange.doctor.realm_reader import RealmReader
from kcadmin.objects.clients import Client
from kcadmin.objects.features import LEGACY, STANDARD
from kcadmin.rest.errors import HttpError, KeycloakError, Refusal, sentence
from kcadmin.rest.texts import in_yaml, named
from reach.proof import RECIPIENT, REQUESTER, Case, Claims

REFRESH = "run `pulumi up --refresh`, which corrects it"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    cause: its name in the catalogue. object, field and value: where it was read. sure: it certainly refuses the exchange;
    else it may be the cause of an error that somebody saw.
    token: whose audience it is about, ``subject`` or ``exchanged``; empty for anything else.
    """

    cause: str
    kind: str
    name: str
    realm: str
    wrong: str
    remedy: str
    field: str = ""
    value: str = ""
    sure: bool = True
    token: str = ""

    @property
    def sentence(self) -> str:
        """The finding as people read it."""
        return sentence(self.kind, self.name, self.realm, self.wrong, self.remedy)


@dataclass
class Question:
    """One exchange to explain, and the facts that the realm has about it.

    grant: whether a grant of the stack declares it; as_user: whose tokens are meant, if that is known.
    secret: the requester's, as the caller has it; reading: what the error text says. unseen: what could not be read.
    """

    case: Case
    reader: RealmReader
    grant: bool = False
    as_user: str | None = None
    secret: str | None = field(default=None, repr=False)
    reading: Reading | None = None
    unseen: list[tuple[str, str]] = field(default_factory=list)

    @property
    def standard(self) -> bool:
        """Whether the standard exchange is meant."""
        return self.case.exchange == STANDARD

    @property
    def legacy(self) -> bool:
        """Whether the legacy exchange is meant."""
        return self.case.exchange == LEGACY

    @property
    def asks(self) -> bool:
        """Whether the requester asks for the target as another client's audience."""
        return self.case.target != self.case.requester

    @property
    def foreign(self) -> bool:
        """Whether the requester exchanges another client's token."""
        return self.case.source != self.case.requester

    @property
    def requester(self) -> Client | None:
        """The client that asks."""
        return self.reader.client(self.case.requester)

    @property
    def source(self) -> Client | None:
        """The client that the subject token is of."""
        return self.reader.client(self.case.source)

    @property
    def target(self) -> Client | None:
        """The client that the exchanged token is for."""
        return self.reader.client(self.case.target)

    def may_be(self, cause: str) -> bool:
        """Whether the error text may come from a cause."""
        return self.reading is not None and cause in self.reading.causes

    def mend(self, by_hand: str) -> str:
        """The remedy for something that a grant of the stack manages: another run; else what a person must change."""
        return REFRESH if self.grant else by_hand

    def declared(self, by_hand: str) -> str:
        """The remedy for something that a grant would make."""
        case = self.case
        keys = f"sources: [{in_yaml(case.source)}], target: {in_yaml(case.target)}"
        if case.flow in (RECIPIENT, REQUESTER):
            keys += f", flows: [{case.flow}]"
        else:
            keys += f", requester: {in_yaml(case.requester)}"
        if self.source and self.source.is_on("publicClient"):
            keys += ", allowPublicSource: true"
        return self.mend(f"declare a grant ({keys}) and run `pulumi up`, or {by_hand}")

    def found(self, cause: str, kind: str, name: str, wrong: str, remedy: str, **more: Any) -> Finding:
        """A finding of this realm."""
        return Finding(cause, kind, name, self.case.realm, wrong, remedy, **more)

    def subject_user(self) -> tuple[Mapping[str, Any] | None, bool]:
        """For whom tokens are computed, and whether that is the user in question. Else it is any user of the realm."""
        if self.as_user:
            return self.reader.user(self.as_user), True
        source = self.source
        account = self.reader.service_account(source) if source else None
        return account or self.reader.some_user(), False

    def fresh_token(self, client: Client, scope: str | None, audience: str | None = None) -> Claims | None:
        """The claims of a new token of a client; None if it cannot be computed, which is noted. audience: what is asked for."""
        about = f"a fresh token of {named(client.client_id)}"
        try:
            user, _ = self.subject_user()
            if user is None:
                lacking = f"user {named(self.as_user)} does not exist" if self.as_user else "the realm has no user"
                self.note_unseen(about, f"{lacking}, for whom it could be computed")
                return None
            return self.reader.fresh_token(client, str(user["id"]), scope, audience)
        except (HttpError, Refusal) as problem:
            self.note_unseen(about, problem)
            return None

    def note_unseen(self, what: str, why: KeycloakError | str) -> None:
        """Keeps what could not be read, and why."""
        seen = (what, why.clause if isinstance(why, KeycloakError) else why)
        if seen not in self.unseen:
            self.unseen.append(seen)


@dataclass(frozen=True)
class Check:
    """says: what is in order when nothing is found, with ``{source}``, ``{target}``, ``{requester}``, ``{user}``."""

    says: str
    run: Callable[[Question], Iterator[Finding]]
    when: Callable[[Question], bool] = lambda question: True

    def title(self, question: Question) -> str:
        """What it checks, by name."""
        case = question.case
        user = question.as_user or ""
        return self.says.format(source=case.source, target=case.target, requester=case.requester, user=user)
