"""What all providers share: check, diff, read and delete; unknown-safe, 404-aware, sure of the server.

A subclass declares its fields in a dataclass and says how its object is created, changed, fetched and removed. Pulumi's
mappings are parsed here, so it never sees them.
"""

import os
from abc import ABC
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from enum import Enum
from typing import Any

from pulumi.dynamic import CheckResult, ConfigureRequest, CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.output import UNKNOWN

from kcadmin.marks.ownership import new_number
from kcadmin.marks.whose import TAKEN_OVER_BY
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import USED
from kcadmin.objects.writers import continuing, require_one_stack
from kcadmin.rest import texts
from kcadmin.rest.errors import NotFound, NotImplementedHere, Refusal, Unreachable
from kcadmin.rest.patience import patiently
from kcadmin.rest.texts import shown
from providers.base import connections
from providers.base.after_removal import tell_goes_on
from providers.base.announced import ACCEPTED, announced
from providers.base.called import PROVIDER_KEY, as_called
from providers.base.compare import Difference, drift, is_same
from providers.base.configured import ConfiguredProvider
from providers.base.connections import CONNECTION, is_within_reach, reached_as
from providers.base.held import CONTINUES, HELD, KEEPS, LOST, NUMBER, STACK, Whose, own_number, owner_by_mark
from providers.base.hooks import DescribesObject
from providers.base.hooks import Props as Props
from providers.base.inputs import text_faults
from providers.base.messages import failure, first_time, info, warn
from providers.base.place import stack_here
from providers.base.plugin import speak_to_people
from providers.base.props import RESTORE, KeycloakProps, Outputs, in_order, type_faults
from providers.base.uuids import derive_uuids, is_known, require_uuids
from reach.judged_writes import judge_writes

AFTER_OTHERS, BESIDE_OTHERS, ALONE = "after_others", "beside_others", "alone"  # not in the state: see KeycloakResource
BELIEVED_SECONDS = 2.0
PREVIEW = "preview"  # an input that is not in the state: nothing is written in this run
NOTES = ("found", "was", "issuer", "management_uuid")


class Alone(str, Enum):
    """The input ``ALONE``: of a resource outside of grants, or of a grant's part that adopts. No plan has judged its writes.

    IN_GRANT: a plan has judged whose marks there are. IN_PACKAGE: no program counts what it continues, so ``check`` tells it.
    """

    IN_PROGRAM, IN_PACKAGE, IN_GRANT = "in program", "in package", "in grant"


class KeycloakProvider(DescribesObject, ConfiguredProvider, ABC):
    """The template: what Pulumi calls."""

    def configure(self, req: ConfigureRequest) -> None:
        """Stores the settings; the session logs in at its first request."""
        speak_to_people(self, as_called)
        self.take_config(req.config.get)

    def check(self, _olds: Props, news: Props) -> CheckResult:
        """Fills in defaults, refuses what is wrong, and derives UUIDs, so that previews show no unknowns."""
        props = {**self.DEFAULTS, **self.CONSTANT, **_inputs(news)}
        after, beside, alone = (props.pop(each, None) for each in (AFTER_OTHERS, BESIDE_OTHERS, ALONE))
        self._require_stack(props)
        if faults := connections.unfit_connection(props):
            return CheckResult(props, [failure(f"{self.named(props)}: {fault}") for fault in faults])
        if (after or beside) and is_within_reach(props):
            self._forget(_olds, props, 0.0 if after else BELIEVED_SECONDS)
        if isinstance(props.get(STACK), str):
            props[STACK] = stack_here(props[STACK])
        if props.get("on_remove") == RESTORE:
            del props["on_remove"]  # a state of many resources is smaller without it
        mistyped = dict(type_faults(self.PROPS, props))
        for field in {*self.SETS} - mistyped.keys():
            if is_known(props.get(field)) and props.get(field) is not None:
                props[field] = sorted(set(props[field]))
        faults = [*mistyped.values(), *self._faults({**props, **dict.fromkeys(mistyped, UNKNOWN)})]
        failures = [failure(f"{self.named(props)}: {fault}.") for fault in dict.fromkeys(faults)]
        if not failures:
            props |= {**in_order(self.PROPS, props), **self.in_one_form(self.parse(props))}
            if is_within_reach(props):
                derive_uuids(self.CLIENTS, lambda: self.realm(props), _olds, props)
                looked_up = not any(news.get(field) for field in self.CLIENTS.values())
                judged = self._judge_writes(_olds, props, Alone(alone), looked_up=looked_up) if alone else ()
                failures += map(failure, judged)
        if not failures:
            realm = self.realm(props) if is_known(props.get(CONNECTION)) else None
            told, derived = self.judged(realm, self.parse(_olds) if _olds else None, self.parse(props))
            failures += map(failure, told)
            props |= {key: value for key, value in derived.items() if value is not None}
        return CheckResult({key: value for key, value in props.items() if key not in self.PASSED}, failures)

    def may_write(self, olds: Props, props: Props) -> bool:
        """Whether to call ``client_writes``, which may cost requests; not in a quiet run."""
        return not olds or bool(self.compare(olds, props).changes)

    def _judge_writes(self, olds: Props, props: Props, alone: Alone, *, looked_up: bool) -> tuple[str, ...]:
        """Why client policies refuse it, or what they would change and is not accepted.

        Reports what is accepted, and of a resource outside of grants which existing object it continues. Clients of the same
        run are not judged; their writes are compared afterwards.

        :param looked_up: its client is known, so no request is needed to see who has the name.
        """
        needed = ("realm", "owner", *self.CLIENTS.values())
        written = {*self.INPUTS, *self.CONTROLS} - {*self.FREE_WHEN_UNSET}
        is_whole = is_known([props.get(field) for field in written]) and all(props.get(field) for field in needed)
        if not is_whole or not self.may_write(olds, props):
            return ()
        realm, given = self.realm(props), self.parse(props)
        try:
            coming = self.client_writes(realm, self.parse(olds) if olds else None, given)
            writes = [replace(each, accepted=given.accept_policy_changes) for each in coming]
            tells, is_judged = alone is Alone.IN_PACKAGE, olds or alone is Alone.IN_GRANT
            if not is_judged and (theirs := tuple(self._of_another_stack(realm, given, tells=tells))):
                return theirs
        except (NotFound, NotImplementedHere):  # ``create`` reports what the server lacks
            return ()
        if looked_up and (taken := list(self.taken_name(realm, given))):
            return tuple(f"{self.named(props)}: {clause}." for clause in taken)
        judged = judge_writes(realm, writes)
        for note in judged.notes:
            if first_time(realm, note):
                (info if note.startswith("note") else warn)(note)
        return judged.faults

    def _of_another_stack(self, realm: Realm, new: KeycloakProps, *, tells: bool) -> Iterator[str]:
        """Why it cannot go on with what is there: another stack made that in the name of this one's owner."""
        if TAKEN_OVER_BY in os.environ:  # a preview under the name of a former owner, whose objects those are
            return
        found = self.continues(realm, new)
        try:
            with continuing(new.held):
                require_one_stack(realm.name, new.owner, self.named(new), found, new.writer)
        except Refusal as problem:
            yield str(problem)
        if tells and found and found.number:
            info(f"{self.named(new)}: goes on with what this stack made before.")

    def _forget(self, olds: Props, props: Props, older_than: float) -> None:
        """Discards copies of what other providers may have written in the same run. older_than: seconds."""
        if props.get(PREVIEW):
            return  # nobody writes in this run, so earlier copies are used
        given = [each.get(field) for each in (olds, props) for field in (*self.CLIENTS, *self.NAMES)]
        names = [name for each in given for name in _texts(each)]
        self.realm(props).forget({name for name in names if isinstance(name, str)}, older_than)

    def diff(self, _id: str, _olds: Props, _news: Props) -> DiffResult:
        """Compares the state and the server with the inputs: a killed ``destroy`` leaves a state with more than exists."""
        known = self.compare(_olds, _news)
        if known.replaces or not is_known(_news.get(CONNECTION)):
            return known
        now = self._read(_id, olds := reached_as(_olds, _news), self.fetch)
        if found := drift(type(self), _olds, now, _news):
            info(f"drift: {self.named(_news)}: {found}.")
        if not now.id:
            return DiffResult(changes=True, replaces=["id"], delete_before_replace=True)
        if (now.outs or {}).get(LOST):
            self._refuse_another_stacks(self.realm(olds), _id, olds, _news)
        seen = self.compare(now.outs or {}, _news)
        return seen if seen.replaces or not known.changes else known

    def compare(self, _olds: Props, _news: Props) -> DiffResult:
        """Compares outputs with inputs, field by field; an unmanaged object that differs is replaced, never changed."""
        changed = [
            field
            for field in (*self.INPUTS, *self.CONSTANT, *self.CONTROLS)
            if not is_same(type(self), field, _olds.get(field), _news.get(field))
            and (field in _olds or field not in (*self.LATER, STACK))
            and not (field in self.FREE_WHEN_USED and _olds.get("found") == USED)
        ] + (["owner"] if _olds.get(LOST) and _olds.get("owner") == _news.get("owner") else [])
        replaces = [field for field in changed if field in self.REPLACE_ON]
        if _olds.get("found") == USED:
            replaces += [field for field in changed if field not in (*self.CONTROLS, *replaces)]
        return Difference(changed, replaces)

    def create(self, props: Props) -> CreateResult:
        """Creates. It is idempotent, since a run may be killed after its POST, and so it is repeated if its answer is lost."""
        realm = self.realm(props)
        identity = realm.identity()
        require_uuids(self.CLIENTS, realm, props, self.OBJECT)
        props[NUMBER] = props.get(KEEPS) or props.get(NUMBER) or new_number()
        with announced(props) as watch, continuing(props.pop(HELD, None) or ()) as call:
            patience = realm.session.transport.patience
            given = self.parse(props)
            id_, said = patiently(lambda: self.create_in(realm, given), patience, lambda: self._forget({}, props, 0.0))
            notes = {**self._known(said), **({CONTINUES: call.found[0]} if call.found else {})}
            if watch.unannounced and not watch.continues:  # a resource that fails leaves no state
                self.remove(realm, id_, self.parse({**_inputs(props), **notes, "on_remove": RESTORE}))
        props.pop(KEEPS, None)
        return CreateResult(
            id_, {**_inputs(props), **notes, "issuer": identity.issuer, "management_uuid": identity.management_uuid}
        )

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Updates in place."""
        realm = self._verified(reached_as(_olds, _news))
        require_uuids(self.CLIENTS, realm, _news, self.OBJECT)
        _news[NUMBER] = own_number(_id, self.parse(_olds))
        self._refuse_another_stacks(realm, _id, _olds, _news)
        notes: Props = {key: _olds[key] for key in NOTES if key in _olds}
        with announced(_news), continuing(_news.pop(HELD, None) or ()):
            changed = self._known(self.change(realm, _id, self.parse(_olds), self.parse(_news)))
        return UpdateResult({**_inputs(_news), **notes, **changed})

    def read(self, id_: str, props: Props) -> ReadResult:
        """The server's state as outputs and inputs, for a refresh; only 404 on the right server is gone."""
        return self._read(id_, props, self.fetch_in_full)

    def _read(self, id_: str, props: Props, fetch: Callable[[Realm, str, Any], Outputs | None]) -> ReadResult:
        now = fetch(self.realm(props), id_, self.parse(props))
        if now is None:
            self._verified(props)
            return ReadResult("", {})
        managed = {
            key: value for key, value in self._known(now).items() if key in props or key not in self.FREE_WHEN_UNSET
        }
        outs = {key: value for key, value in {**_inputs(props), **managed}.items() if value is not None}
        known = (*self.INPUTS, *self.CONSTANT, *self.CONTROLS, LOST)  # no program sets LOST, so the next diff shows it
        return ReadResult(id_, outs, {key: value for key, value in outs.items() if key in known})

    def delete(self, _id: str, _props: Props) -> None:
        """Deletes or restores what is still this resource's. If it is gone, nothing is left to do."""
        try:
            realm = self._verified(_props)
        except Unreachable as problem:
            remedy = "if the server is gone for good, `pulumi state delete --all` forgets the stack's resources"
            raise Unreachable(f"{str(problem).removesuffix('.')}; {remedy}.") from None
        given = self.parse(_props)
        mark = self.bears(realm, _id, given)
        held = owner_by_mark(mark, _id, given)
        if held is Whose.OWN:
            with announced(_props, removes=self.named(_props)):
                self.remove(realm, _id, given)
        elif mark and held is Whose.ANOTHER_STACKS:
            warn(f"{self.named(_props)}: belongs to {mark.holder} now, and is not changed.")
        else:
            tell_goes_on(self.named(_props))

    def _refuse_another_stacks(self, realm: Realm, id_: str, olds: Props, news: Props) -> None:
        """:raises Refusal: the object bears a mark of another stack by now."""
        mark = self.bears(realm, id_, self.parse(olds)) if olds.get("found") != USED else None
        if mark and all(owner_by_mark(mark, id_, self.parse(each)) is Whose.ANOTHER_STACKS for each in (olds, news)):
            raise Refusal(
                f"{self.named(news)}: belongs to {mark.holder} now; take it out of this stack, with `pulumi state delete` or by "
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
                f"{self.named(outs)}: belongs to issuer {texts.named(then[0])}, but "
                f"{texts.named(realm.session.connection.url)} is {what}; {connections.other_server_remedy(outs)}."
            )
        return realm

    def differs(self, id_: str, props: Props) -> bool:
        """Whether an object is gone or is not as its inputs say."""
        now = self._read(id_, props, self.fetch)
        unread = (*self.CONTROLS, LOST)  # a program does not know the number in the mark
        seen = {**(now.outs or {}), **{key: props.get(key) for key in unread}}
        return not now.id or bool(self.compare(seen, props).changes)

    def _faults(self, props: Props) -> Iterator[str]:
        for field, choices in {**self.CHOICES, "on_remove": self.ON_REMOVE}.items():
            if is_known(props.get(field)) and props.get(field) not in (None, *choices):
                yield f"{field} is {shown(props[field])}; choose one of {', '.join(choices)}"
        given = (*self.INPUTS, "owner", ACCEPTED)
        yield from text_faults([field for field in given if field not in self.CHOICES], props)
        yield from self.refusals(self.parse(props))

    def _known(self, said: Outputs) -> Props:
        """:raises TypeError: a field is misnamed, and would be lost."""
        unknown = said.keys() - {each.name for each in fields(self.PROPS)} - {*self.CONSTANT, LOST}
        if unknown:
            raise TypeError(
                f"{type(self).__name__} gives {', '.join(sorted(unknown))}, which {self.PROPS.__name__} lacks"
            )
        return dict(said)


def _texts(value: Any) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]


def _inputs(props: Props) -> Props:
    return {key: value for key, value in props.items() if key != PROVIDER_KEY and value is not None}
