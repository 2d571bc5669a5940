"""Objects that one owner holds: made, continued after a crash, used unchanged, or adopted; deleted or restored.

- Ours by its mark: continued, since a run may have been killed after its POST.
- An unmanaged one, exactly as declared: used, not marked, not deleted.
- An unmanaged one of the same name that differs: refused, with each field, unless ``adopt``; then what it was is noted in a
  claim on the client before the first write, and given back at delete.
- Another stack's: never taken, also where that has the same owner.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, ClassVar, Generic

from kcadmin.marks.notes import fits, plain, typed_fields
from kcadmin.marks.ownership import Writer, hash16, may_be
from kcadmin.marks.whose import owner_remedy, whose
from kcadmin.objects.claims import IDENTITY, Claim, Kind, adopted_kind, claim_of, may_be_true
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import USED, drop_claim, write_claim
from kcadmin.objects.writers import is_held, require_one_stack
from kcadmin.rest.errors import Conflict, Forbidden, NotFound, Refusal
from kcadmin.rest.texts import named
from providers.base.after_removal import never_in_the_way, tell_kept, tell_unchanged
from providers.base.held import ObjectMark, is_as_known, replaced_with_owner
from providers.base.props import KeycloakProps, Outputs, outputs
from providers.base.provider import KeycloakProvider
from providers.base.stores import Found, Store, T, differing_fields, id_of
from reach.judged_writes import ClientWrite, claim_write

CREATED, ADOPTED = "created", "adopted"


class OwnedObjectProvider(KeycloakProvider, Generic[T]):
    """The lifecycle. ``HOLDER``: the input that names the UUID of the client which bears the claims."""

    HOLDER: ClassVar[str] = "resource_server_uuid"
    ON_HOLDER: ClassVar[bool] = False  # whether the mark is on that client

    def holder(self, props: KeycloakProps) -> str:
        """The UUID of the client that bears the claims."""
        return str(getattr(props, self.HOLDER))

    @abstractmethod
    def store(self, realm: Realm, props: Any) -> Store[T]:
        """Where the object lives."""

    def snapshot(self, realm: Realm, props: Any) -> Store[T]:
        """The store to read from, which may be a snapshot; no write is based on it."""
        return self.store(realm, props)

    @abstractmethod
    def wanted(self, props: Any) -> T:
        """The object as asked for."""

    def candidates(self, realm: Realm, store: Any, wanted: T, props: Any) -> list[T]:
        """Objects that may be the wanted one, or take its name, in the given store: ``snapshot`` or ``store``."""
        found: list[T] = store.named(wanted.name)
        return found

    def shown(self, realm: Realm, found: T, props: Any) -> Outputs:
        """The managed fields of an object, by input name."""
        return {key: _listed(value) for key, value in vars(found).items() if key in self.INPUTS}

    def before_create(self, realm: Realm, props: Any) -> None:
        """Called before the object is made; writes the claim of an object that cannot have a mark."""

    def before_take_over(self, realm: Realm, found: T, wanted: T) -> None:
        """Called before the note of what it was is written; may refuse."""

    def create_in(self, realm: Realm, props: Any) -> tuple[str, Outputs]:
        store, wanted = self.store(realm, props), self.wanted(props)
        found = self._take_found(realm, store, wanted, props)
        if found:
            return found
        self.before_create(realm, props)
        try:
            return id_of(store.create(wanted)), outputs(found=CREATED)
        except Conflict:
            realm.clients.forget(self.holder(props))
            found = self._take_found(realm, store, wanted, props)
            if found is None:
                self.refuse_taken(realm, props)
                raise
            return found  # somebody has made it since the snapshot

    def _take_found(self, realm: Realm, store: Store[T], wanted: T, props: Any) -> tuple[str, Outputs] | None:
        """Continues, uses or adopts an existing object; None if there is none."""
        source = store if props.adopt else self.snapshot(realm, props)  # what it was is noted
        chosen = self._chosen(self.candidates(realm, source, wanted, props), wanted, props)
        if chosen is None:
            return None
        each, how = chosen
        if how is Found.OURS:
            require_one_stack(realm.name, props.owner, self.named(props), each.writer, props.writer)
            notes = self.continued(realm, each, wanted, props)
            if differing_fields(each, wanted) or not is_as_known(ObjectMark.on(each), id_of(each), props):
                store.update(id_of(each), wanted)
            return id_of(each), notes
        if how is Found.IN_THE_WAY:
            return id_of(each), self._adopt(realm, store, each, wanted, props)
        if props.revoke:  # a mark says which resource is to delete it
            return id_of(each), self._take_over(realm, store, each, wanted, props)
        return id_of(each), outputs(found=USED)

    def _chosen(self, found: list[T], wanted: T, props: Any) -> "tuple[T, Found] | None":
        """Which of the objects counts, and as what."""
        for each in found:
            if each.mark == hash16(props.owner):
                return each, Found.OURS
        for each in found:
            if each.mark is None and not differing_fields(each, wanted):
                return each, Found.AS_WANTED
        return next(((each, Found.IN_THE_WAY) for each in found if each.name == wanted.name), None)

    def in_sight(self, realm: Realm, props: Any) -> "tuple[T, Found] | None":
        """What ``create`` would find; None if nothing exists, or there are no authorization services."""
        wanted = self.wanted(props)
        try:
            found = self.candidates(realm, self.snapshot(realm, props), wanted, props)
        except NotFound:
            return None
        return self._chosen(found, wanted, props)

    def continues(self, realm: Realm, props: Any) -> Writer | None:
        seen = self.in_sight(realm, props)
        return seen[0].writer if seen and seen[1] is Found.OURS else None

    def client_writes(self, realm: Realm, olds: Any, props: Any) -> Iterator[ClientWrite]:
        """The note of what an adopted object was."""
        adopts, revokes = props.adopt, props.revoke
        had, former = olds and (olds.adopt or olds.revoke), olds and olds.owner
        client = realm.clients.get(self.holder(props)) if adopts or revokes or had else None
        seen = self.in_sight(realm, props) if client else None
        if client is None or seen is None:
            return
        found, how = seen
        kind = adopted_kind(id_of(found), type(found))
        taken_over = (how is Found.AS_WANTED and revokes) or (how is Found.IN_THE_WAY and adopts and found.mark is None)
        moves = former != props.owner and claim_of(client, str(former), kind) is not None
        if taken_over or moves:
            yield claim_write(client, props.owner, kind)

    def change(self, realm: Realm, id_: str, olds: Any, news: Any) -> Outputs:
        if olds.found != USED:
            if self.store(realm, news).get(id_) is None:
                raise Refusal(f"{self.named(news)}: is gone; run `pulumi refresh`, then `pulumi up`.")
            wanted = self.wanted(news)
            kind, adopted = adopted_kind(id_, type(wanted)), olds.found == ADOPTED
            if adopted:  # the note of what it was moves with the owner
                claim = Claim(news.owner, kind, {}, self.was_by(kind, olds), news.writer)
                write_claim(realm.clients, self.holder(news), claim)
            self.store(realm, news).update(id_, wanted)
            if adopted and news.owner != olds.owner:
                drop_claim(realm.clients, self.holder(news), olds.owner, kind)
        elif news.revoke:
            store = self.store(realm, news)
            now = store.get(id_)
            return self._take_over(realm, store, now, self.wanted(news), news) if now and now.mark is None else {}
        return {}

    def fetch(self, realm: Realm, id_: str, props: Any) -> Outputs | None:
        found = self.snapshot(realm, props).get(id_)
        if found is None:
            return None
        shown = self.shown(realm, found, props)
        if props.found == USED:
            return {key: value for key, value in shown.items() if key not in self.FREE_WHEN_USED}
        return {**shown, **self.lost(ObjectMark.on(found), id_, props)}

    def bears(self, realm: Realm, id_: str, props: Any) -> ObjectMark | None:
        if self.ON_HOLDER:
            realm.clients.get(self.holder(props), max_age=0)
        return ObjectMark.on(self.store(realm, props).get(id_))

    def remove(self, realm: Realm, id_: str, props: Any) -> None:
        store, found = self.store(realm, props), props.found
        if props.keep:
            now = store.get(id_)
            if now and now.mark == hash16(props.owner):
                store.update(id_, self.unowned(now))
            drop_claim(realm.clients, self.holder(props), props.owner, adopted_kind(id_))
            tell_kept(self.named(props))
            return
        if props.revoke or found == CREATED:
            store.delete(id_)
        elif found == ADOPTED:
            self._give_back(realm, store, id_, props)
        drop_claim(realm.clients, self.holder(props), props.owner, adopted_kind(id_))
        with never_in_the_way(self.named(props)):
            self.tell_left(realm, props)

    def unowned(self, found: T) -> T:
        """An object as it is, without our mark."""
        return replace(found, owner=None)  # type: ignore[type-var]

    def tell_left(self, realm: Realm, props: Any) -> None:
        """Reports what stays of a removed object."""
        if props.found == USED and not props.revoke:
            tell_unchanged(self.named(props))

    def _adopt(self, realm: Realm, store: Store[T], found: T, wanted: T, props: Any) -> Outputs:
        differing = differing_fields(found, wanted)
        if found.mark is not None:
            owner = getattr(found, "owner", None)
            if is_held(found.writer):  # an update would pass it on
                raise Refusal(f"{self.named(props)}: {replaced_with_owner('is', 'its')}.")
            how = f"choose another name, or remove it there; {owner_remedy(owner, realm.name)}"
            if props.stack and found.writer.stack and may_be(found.writer.stack, props.stack):
                how = "this stack made it under that owner, so run `pulumi up` without `--replace`, or with that owner again"
            raise Refusal(f"{self.named(props)}: belongs to {whose(owner)}; {how}.")
        if getattr(found, "logic", None) == "":  # how a store shows an object of another type
            taken = f"the name is taken by {differing['description'][0]}"
            raise Refusal(f"{self.named(props)}: {taken}; choose another name.")
        if not props.adopt:
            fields_ = ", ".join(
                f"{key} is {named(_text(old))} instead of {named(_text(new))}" for key, (old, new) in differing.items()
            )
            raise Refusal(
                f"{self.named(props)}: exists already and differs, {fields_}; "
                "make them agree, choose another name, or set adopt to take it over."
            )
        return self._take_over(realm, store, found, wanted, props)

    def _take_over(self, realm: Realm, store: Store[T], found: T, wanted: T, props: Any) -> Outputs:
        self.before_take_over(realm, found, wanted)
        was = {key: value for key, value in asdict(found).items() if key not in IDENTITY}  # type: ignore[call-overload]
        try:
            kind = adopted_kind(id_of(found), type(found))
            write_claim(realm.clients, self.holder(props), Claim(props.owner, kind, {}, was, props.writer))
        except Forbidden:
            raise Refusal(
                f"{self.named(props)}: cannot be adopted, since Keycloak refuses the note of what it was on "
                "this client; remove the object, or choose another name."
            ) from None
        store.update(id_of(found), wanted)
        return outputs(found=ADOPTED, was=was)

    def _give_back(self, realm: Realm, store: Store[T], id_: str, props: Any) -> None:
        now, ours = store.get(id_), self.wanted(props)
        if now is None:
            return
        if not props.name:  # then its former name did not count
            ours = replace(ours, name=now.name)  # type: ignore[type-var]
        back = self.was_by(adopted_kind(id_, type(ours)), props)
        differing = differing_fields(now, ours)  # what others changed meanwhile stays
        if differing:
            back = {key: value for key, value in back.items() if key not in differing}
            if "stored" in back and not self.is_as_made(realm, now, props):
                back["stored"] = ()
        store.update(id_, replace(now, owner=None, **back))  # type: ignore[type-var]

    def is_as_made(self, realm: Realm, now: T, props: Any) -> bool:
        """Whether what ``stored`` restores is still as we made it, in an object whose other fields others changed."""
        return False

    def continued(self, realm: Realm, found: T, wanted: T, props: Any) -> Outputs:
        """What the state of a killed run would contain. Only a resource with ``adopt`` may have noted what an object was.

        :raises Refusal: a person must say whether the note is true.
        """
        client, kind = realm.clients.get(self.holder(props)), adopted_kind(id_of(found), type(wanted))
        claim = claim_of(client, props.owner, kind) if props.adopt else None
        if claim is None or client is None:
            return outputs(found=CREATED)
        if not may_be_true(wanted, claim.was):
            raise Refusal(
                f"{self.named(props)}: bears this stack's mark, and the attribute {claim.key} of client "
                f"{named(client.client_id)}, which others may write, says that it was another {self.OBJECT} before; give it "
                "back by hand or delete it, and remove that attribute."
            )
        return outputs(found=ADOPTED, was=plain(claim.was))

    def was_by(self, kind: Kind, props: KeycloakProps) -> dict[str, Any]:
        """What an adopted object was, from the state, which leaves None out. :raises Refusal: the state was changed by hand."""
        unset = {field: None for field, hint in kind.was.items() if fits(hint, None)}
        noted = {key: each for key, each in (props.was or {}).items() if key in kind.was}
        try:
            return typed_fields(kind.was, {**unset, **noted})
        except ValueError as problem:
            raise Refusal(
                f"{self.named(props)}: the state's note of what it was holds {problem}; restore the state from a backup."
            ) from None


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
