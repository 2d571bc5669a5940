"""What a provider defines about its object: its fields, and how it is made, read and removed.

The template is in ``provider.py``.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pulumi.output import UNKNOWN

from kcadmin.marks.ownership import Writer
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Refusal
from kcadmin.rest.texts import shown
from providers.base.announced import ACCEPTED
from providers.base.connections import CONNECTION
from providers.base.held import STACK, BearsMarks
from providers.base.props import (
    RESTORE,
    REVOKE,
    KeycloakProps,
    Outputs,
    clients_of,
    defaults_of,
    inputs_of,
    needed_of,
    parse,
    sets_of,
)
from providers.base.uuids import is_known
from reach.judged_writes import ClientWrite

Props = dict[str, Any]
Judged = tuple[Sequence[str], Outputs]
"""What is wrong, a sentence each, and inputs to fill in."""
NAMED_BY = ("name", "grant", "client_id", "resource_server")


class DescribesObject(BearsMarks):
    """``PROPS``: the dataclass of its fields, from which ``INPUTS``, ``DEFAULTS``, ``SETS`` and ``CLIENTS`` come.

    ``CONSTANT``: fields that a live object always has, to show drift. ``PASSED``: inputs that are not in the state.
    ``PLANNED``: whether the writes of clients are judged with the grant.
    """

    OBJECT: ClassVar[str]
    PROPS: ClassVar[type[KeycloakProps]]
    INPUTS: ClassVar[tuple[str, ...]]
    DEFAULTS: ClassVar[Mapping[str, Any]]
    SETS: ClassVar[tuple[str, ...]]
    CLIENTS: ClassVar[Mapping[str, str]]
    CONSTANT: ClassVar[Mapping[str, Any]] = {}
    PLANNED: ClassVar[bool] = False
    PASSED: ClassVar[tuple[str, ...]] = ()
    NAMES: ClassVar[tuple[str, ...]] = ()  # fields with client ids of which no UUID is derived
    REPLACE_ON: ClassVar[tuple[str, ...]] = ("realm", "client_uuid")
    SENTENCES: ClassVar[tuple[str, ...]] = ()  # fields of CONSTANT that describe what others changed
    FREE_WHEN_UNSET: ClassVar[tuple[str, ...]] = ()
    FREE_WHEN_USED: ClassVar[tuple[str, ...]] = ()  # fields from a mark, which an object that is only used lacks
    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    LATER: ClassVar[tuple[str, ...]] = ()  # fields that states of earlier versions lack, which is no change
    CONTROLS = ("owner", "adopt", "on_remove", STACK, ACCEPTED, CONNECTION)
    ON_REMOVE: ClassVar[tuple[str, ...]] = (RESTORE, REVOKE)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "PROPS" in vars(cls):
            cls.INPUTS, cls.DEFAULTS = inputs_of(cls.PROPS), defaults_of(cls.PROPS)
            cls.SETS, cls.CLIENTS = sets_of(cls.PROPS), clients_of(cls.PROPS)

    @abstractmethod
    def create_in(self, realm: Realm, props: Any) -> tuple[str, Outputs]:
        """Makes the object, or continues or adopts one; gives its id and what to note beside the inputs."""

    @abstractmethod
    def change(self, realm: Realm, id_: str, olds: Any, news: Any) -> Outputs:
        """Changes the object. Returns what to note beside the inputs."""

    @abstractmethod
    def fetch(self, realm: Realm, id_: str, props: Any) -> Outputs | None:
        """The managed fields as the server has them, or None when the object is gone."""

    def fetch_in_full(self, realm: Realm, id_: str, props: Any) -> Outputs | None:
        """As ``fetch``, for a refresh, which may read more than a preview."""
        return self.fetch(realm, id_, props)

    @abstractmethod
    def remove(self, realm: Realm, id_: str, props: Any) -> None:
        """Deletes what we made, or restores what existed before."""

    def continues(self, realm: Realm, props: Any) -> Writer | None:
        """Who wrote the mark or claim of its owner that ``create`` would find; None where there is none."""
        mark = None if self.CLIENTS else self.bears(realm, "", props)  # what is the realm's
        return mark.writer if mark else None

    def refusals(self, props: Any) -> Iterator[str]:
        """What is wrong with the inputs, of which some may be unknown: ``<what is wrong, with the value>; <what to do>``."""
        return iter(())

    def taken_name(self, realm: Realm, props: Any) -> Iterator[str]:
        """A clause if something of another kind has the object's name. No request if its client is known."""
        return iter(())

    def refuse_taken(self, realm: Realm, props: Any) -> None:
        """:raises Refusal: something of another kind has the object's name."""
        for clause in self.taken_name(realm, props):
            raise Refusal(f"{self.named(props)}: {clause}.") from None

    def client_writes(self, realm: Realm, olds: Any, props: Any) -> Iterator[ClientWrite]:
        """The writes of clients that the object needs to become as declared, given the realm as it is now.

        olds: None at create.
        """
        return iter(())

    def in_one_form(self, props: Any) -> Outputs:
        """Inputs in one spelling, so that equal ones do not differ."""
        return {}

    def judged(self, realm: Realm | None, olds: Any, props: Any) -> Judged:
        """Faults in the realm as it is, a sentence each, and inputs that come from there. realm: None if not known yet."""
        return (), {}

    def are_known(self, props: KeycloakProps) -> bool:
        """Whether all inputs are known."""
        return all(is_known(getattr(props, field)) for field in self.INPUTS)

    def parse(self, props: Mapping[str, Any], *, in_part: bool = False) -> Any:
        """Pulumi's mapping as the provider's dataclass.

        in_part: required fields may be missing, and are unknown then.
        :raises Refusal: a required field is missing.
        """
        try:
            return parse(self.PROPS, {**dict.fromkeys(needed_of(self.PROPS), UNKNOWN), **props} if in_part else props)
        except KeyError as problem:
            remedy = "restore the state from a backup, or take the resource out of it with `pulumi state delete`"
            raise Refusal(f"{self.named(props)}: the state has no {problem.args[0]}; {remedy}.") from None

    def named(self, props: KeycloakProps | Mapping[str, Any]) -> str:
        """An object as messages name it."""
        given = vars(props) if isinstance(props, KeycloakProps) else props
        realm = given.get("realm")
        where = f"realm {shown(realm if realm and is_known(realm) else '?')}"
        if not {*NAMED_BY} & {*self.INPUTS}:
            return f"{self.OBJECT} of {where}"
        name = next((each for field in NAMED_BY if (each := given.get(field)) and is_known(each)), "?")
        return f"{self.OBJECT} {shown(name)} in {where}"
