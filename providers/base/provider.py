"""What all providers share: configure, check, diff, read and delete; unknown-safe, 404-aware, sure of the server.

A subclass names its fields and says how its object is created, changed, fetched and removed. Providers take no constructor
arguments and hold no per-call state: one instance serves four threads.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import UNKNOWN

from kcadmin.marks.ownership import new_number
from kcadmin.objects.realm import Realm, realm_for
from kcadmin.objects.writers import continuing
from kcadmin.rest import texts
from kcadmin.rest.connection import Connection, read_connection
from kcadmin.rest.errors import InvalidSettings, Refusal, Unreachable
from kcadmin.rest.patience import patiently
from kcadmin.rest.session import session_for
from kcadmin.rest.texts import shown
from providers.base import connections
from providers.base.announced import ACCEPTED, announced
from providers.base.called import PROVIDER_KEY, as_called
from providers.base.compare import RESTORE, REVOKE, Difference, drift, is_same
from providers.base.connections import CONNECTION, connection_of, is_within_reach, reached_as
from providers.base.expected_clients import clients_by_realm
from providers.base.held import CONTINUES, HELD, KEEPS, LOST, NUMBER, STACK, BearsMarks, Whose, own_number, whose
from providers.base.inputs import text_faults, type_faults
from providers.base.judged_writes import WritesClients, judge_resource
from providers.base.messages import failure, info, warn, warn_insecure
from providers.base.place import stack_here
from providers.base.plugin import speak_to_people
from providers.base.uuids import derive_uuids, is_known, require_uuids

Props = dict[str, Any]
AFTER_OTHERS, BESIDE_OTHERS, ALONE = (
    "after_others",
    "beside_others",
    "alone",
)  # that no state holds: see KeycloakResource
BELIEVED_SECONDS = 2.0
NOTES = ("found", "was", "issuer", "management_uuid")


class KeycloakProvider(BearsMarks, WritesClients, ResourceProvider, ABC):
    """The template. ``INPUTS``: managed fields. ``CONSTANT``: fields that a live object always has, to show drift."""

    serialize_as_secret_always = False
    _unfit: InvalidSettings | None = None

    OBJECT: ClassVar[str]
    INPUTS: ClassVar[tuple[str, ...]]
    DEFAULTS: ClassVar[Mapping[str, Any]] = {}
    CONSTANT: ClassVar[Mapping[str, Any]] = {}
    SETS: ClassVar[tuple[str, ...]] = ()
    REPLACE_ON: ClassVar[tuple[str, ...]] = ("realm", "client_uuid")
    SENTENCES: ClassVar[tuple[str, ...]] = ()  # fields of CONSTANT that tell in words what others changed
    FREE_WHEN_UNSET: ClassVar[tuple[str, ...]] = ()
    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    CLIENTS: ClassVar[Mapping[str, str]] = {"client_id": "client_uuid"}
    LATER: ClassVar[tuple[str, ...]] = ()  # fields that states of earlier versions lack, which is no change
    CONTROLS = ("owner", "adopt", "on_remove", STACK, ACCEPTED, CONNECTION)
    ON_REMOVE: ClassVar[tuple[str, ...]] = (RESTORE, REVOKE)

    def configure(self, req: ConfigureRequest) -> None:
        """Stores the settings; the session logs in at its first request."""
        speak_to_people(self, as_called)
        self.take_config(req.config.get)

    def take_config(self, config: Callable[[str], object]) -> None:
        """Takes the stack's connection, and how many clients the stack will look at."""
        connection = self.reach(config)
        if connection is None:
            return
        for name, number in clients_by_realm(config).items():
            realm_for(session_for(connection), name).clients.expect(number)
        warn_insecure(connection)

    def reach(self, config: Callable[[str], object]) -> Connection | None:
        """Takes the stack's connection from its config; None where it is unfit, as a program with others may leave it."""
        try:
            return self.use(read_connection(config))._connection
        except InvalidSettings as problem:
            self._unfit = problem
            return None

    def use(self, connection: Connection) -> "KeycloakProvider":
        """Sets the stack's connection without Pulumi's configuration."""
        self._connection = connection
        return self

    def realm(self, props: Props) -> Realm:
        """The realm that a resource lives in."""
        self._require_stack(props)
        return realm_for(session_for(connection_of(props) or self._connection), str(props["realm"]))

    def _require_stack(self, props: Props) -> None:
        """:raises InvalidSettings: the resource is in the stack's Keycloak, whose connection is unfit."""
        if self._unfit and not props.get(CONNECTION):
            raise self._unfit

    @abstractmethod
    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        """Makes the object, or continues or adopts one; gives its id and what to note beside the inputs."""

    @abstractmethod
    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        """Changes the object; gives what to note beside the inputs."""

    @abstractmethod
    def fetch(self, realm: Realm, id_: str, props: Props) -> Props | None:
        """The managed fields as the server has them, or None when the object is gone."""

    @abstractmethod
    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        """Deletes what we made, or gives back what we found."""

    def refusals(self, props: Props) -> Iterator[str]:
        """What is wrong with the inputs: ``<what is wrong, with the value>; <what to do>``."""
        return iter(())

    def check(self, _olds: Props, news: Props) -> CheckResult:
        """Fills defaults in, refuses what is wrong, and derives UUIDs, so that previews show no unknowns."""
        props = {**self.DEFAULTS, **self.CONSTANT, **_inputs(news)}
        after, beside, alone = (props.pop(each, None) for each in (AFTER_OTHERS, BESIDE_OTHERS, ALONE))
        self._require_stack(props)
        if faults := connections.unfit_connection(props):
            return CheckResult(props, [failure(f"{self._named(props)}: {fault}") for fault in faults])
        if (after or beside) and is_within_reach(props):
            self._forget(_olds, props, 0.0 if after else BELIEVED_SECONDS)
        if isinstance(props.get(STACK), str):
            props[STACK] = stack_here(props[STACK])
        if props.get("on_remove") == RESTORE:
            del props["on_remove"]  # a state of many resources is smaller without it
        mistyped = dict(type_faults(type(self), props))
        for field in self.SETS:
            if is_known(props.get(field)) and props.get(field) is not None and field not in mistyped:
                props[field] = sorted(set(props[field]))
        faults = [*mistyped.values(), *self._faults({**props, **dict.fromkeys(mistyped, UNKNOWN)})]
        failures = [failure(f"{self._named(props)}: {fault}.") for fault in dict.fromkeys(faults)]
        if not failures and is_within_reach(props):
            derive_uuids(self.CLIENTS, lambda: self.realm(props), _olds, props)
        if not failures and alone and is_within_reach(props) and self.may_write(_olds, props):
            failures += map(failure, judge_resource(self, _olds, props))
        return CheckResult(props, failures)

    def _forget(self, olds: Props, props: Props, older_than: float) -> None:
        """Reads anew what resources of another provider in the same run may have written. older_than: seconds."""
        named = [each.get(field) for each in (olds, props) for field in self.CLIENTS]
        texts = [name for each in named for name in (each if isinstance(each, list) else [each])]
        self.realm(props).forget({name for name in texts if isinstance(name, str)}, older_than)

    def diff(self, _id: str, _olds: Props, _news: Props) -> DiffResult:
        """Compares the state and the server with the inputs: a killed ``destroy`` leaves a state that says more than is there."""
        known = self.compare(_olds, _news)
        if known.replaces or not is_known(_news.get(CONNECTION)):
            return known
        now = self._read(_id, olds := reached_as(_olds, _news))
        if found := drift(type(self), _olds, now, _news):
            info(f"drift: {self._named(_news)}: {found}.")
        if not now.id:
            return DiffResult(changes=True, replaces=["id"], delete_before_replace=True)
        if (now.outs or {}).get(LOST):
            self._refuse_another_stacks(self.realm(olds), _id, olds, _news)
        seen = self.compare(now.outs or {}, _news)
        return seen if seen.replaces or not known.changes else known

    def compare(self, _olds: Props, _news: Props) -> DiffResult:
        """Compares outputs with inputs, field by field; a stranger's object that differs is replaced, never changed."""
        changed = [
            field
            for field in (*self.INPUTS, *self.CONSTANT, *self.CONTROLS)
            if not is_same(type(self), field, _olds.get(field), _news.get(field))
            and (field in _olds or field not in (*self.LATER, STACK))
        ] + (["owner"] if _olds.get(LOST) and _olds.get("owner") == _news.get("owner") else [])
        replaces = [field for field in changed if field in self.REPLACE_ON]
        if _olds.get("found") == "used":
            replaces += [field for field in changed if field not in (*self.CONTROLS, *replaces)]
        return Difference(changed, replaces)

    def create(self, props: Props) -> CreateResult:
        """Creates; idempotent, since a run may have been killed after its POST. So it is done again where its answer is lost."""
        realm = self.realm(props)
        identity = realm.identity()
        require_uuids(self.CLIENTS, realm, props, self.OBJECT)
        props[NUMBER] = props.get(KEEPS) or new_number()
        with announced(props) as watch, continuing(props.pop(HELD, None) or ()) as call:
            patience = realm.session.transport.patience
            id_, notes = patiently(lambda: self.create_in(realm, props), patience, lambda: self._forget({}, props, 0.0))
            notes = {**notes, **({CONTINUES: call.found[0]} if call.found else {})}
            if watch.unannounced and not watch.continues:  # a resource that fails leaves no state
                self.remove(realm, id_, {**_inputs(props), **notes, "on_remove": RESTORE})
        props.pop(KEEPS, None)
        return CreateResult(
            id_, {**_inputs(props), **notes, "issuer": identity.issuer, "management_uuid": identity.management_uuid}
        )

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Updates in place."""
        realm = self._verified(reached_as(_olds, _news))
        require_uuids(self.CLIENTS, realm, _news, self.OBJECT)
        _news[NUMBER] = own_number(_id, _olds)
        self._refuse_another_stacks(realm, _id, _olds, _news)
        notes: Props = {key: _olds[key] for key in NOTES if key in _olds}
        with announced(_news), continuing(_news.pop(HELD, None) or ()):
            changed = self.change(realm, _id, _olds, _news)
        return UpdateResult({**_inputs(_news), **notes, **changed})

    def read(self, id_: str, props: Props) -> ReadResult:
        """The server's state as outputs and inputs, for a refresh; only 404 on the right server is gone."""
        return self._read(id_, props)

    def _read(self, id_: str, props: Props) -> ReadResult:
        now = self.fetch(self.realm(props), id_, props)
        if now is None:
            self._verified(props)
            return ReadResult("", {})
        managed = {key: value for key, value in now.items() if key in props or key not in self.FREE_WHEN_UNSET}
        outs = {key: value for key, value in {**_inputs(props), **managed}.items() if value is not None}
        known = (*self.INPUTS, *self.CONSTANT, *self.CONTROLS, LOST)  # no program gives LOST, so the next diff shows it
        return ReadResult(id_, outs, {key: value for key, value in outs.items() if key in known})

    def delete(self, _id: str, _props: Props) -> None:
        """Deletes or restores what is still this resource's; what is gone is done."""
        try:
            realm = self._verified(_props)
        except Unreachable as problem:
            remedy = "if the server is gone for good, `pulumi state delete --all` forgets the stack's resources"
            raise Unreachable(f"{str(problem).removesuffix('.')}; {remedy}.") from None
        mark = self.bears(realm, _id, _props)
        held = whose(mark, _id, _props)
        if held is Whose.OWN:
            with announced(_props, removes=self._named(_props)):
                self.remove(realm, _id, _props)
        elif mark and held is Whose.ANOTHER_STACKS:
            warn(f"{self._named(_props)}: belongs to {mark.holder} now, and is not changed.")
        else:
            info(f"{self._named(_props)}: goes on under another name in the stack.")

    def _refuse_another_stacks(self, realm: Realm, id_: str, olds: Props, news: Props) -> None:
        """:raises Refusal: the object bears a mark of another stack by now."""
        mark = self.bears(realm, id_, olds) if olds.get("found") != "used" else None
        if mark and all(whose(mark, id_, each) is Whose.ANOTHER_STACKS for each in (olds, news)):
            raise Refusal(
                f"{self._named(news)}: belongs to {mark.holder} now; take it out of this stack, with `pulumi state delete` or by "
                "`pulumi destroy`, which leaves it to its owner."
            )

    def _verified(self, outs: Props) -> Realm:
        realm = self.realm(outs)
        now, then = realm.identity(), (outs.get("issuer"), outs.get("management_uuid"))
        if then[0] and then != (now.issuer, now.management_uuid):
            what = "a realm made anew, with other UUIDs"
            if now.issuer != then[0]:
                what = f"issuer {texts.named(now.issuer)}"
            raise Refusal(
                f"{self._named(outs)}: belongs to issuer {texts.named(then[0])}, but "
                f"{texts.named(realm.session.connection.url)} is {what}; {connections.remedy(outs)}."
            )
        return realm

    def differs(self, id_: str, props: Props) -> bool:
        """Whether an object is gone or is not as its inputs say."""
        now = self._read(id_, props)
        unread = (*self.CONTROLS, LOST)  # a program does not know the number in the mark
        seen = {**(now.outs or {}), **{key: props.get(key) for key in unread}}
        return not now.id or bool(self.compare(seen, props).changes)

    def named(self, props: Props) -> str:
        """An object as messages name it."""
        return self._named(props)

    def _named(self, props: Props) -> str:
        held = [props.get(key) for key in ("name", "grant", "client_id", "resource_server")]
        name = next((each for each in held if each and is_known(each)), "?")
        realm = props.get("realm")
        return f"{self.OBJECT} {shown(name)} in realm {shown(realm if realm and is_known(realm) else '?')}"

    def _faults(self, props: Props) -> Iterator[str]:
        for field, choices in {**self.CHOICES, "on_remove": self.ON_REMOVE}.items():
            if is_known(props.get(field)) and props.get(field) not in (None, *choices):
                yield f"{field} is {shown(props[field])}; choose one of {', '.join(choices)}"
        given = (*self.INPUTS, "owner", ACCEPTED)
        yield from text_faults([field for field in given if field not in self.CHOICES], props)
        yield from self.refusals(props)


def _inputs(props: Props) -> Props:
    return {key: value for key, value in props.items() if key != PROVIDER_KEY and value is not None}
