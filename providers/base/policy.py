"""What the providers of authorization policies share: owned by a mark in the description, with names instead of ids."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, TypeVar

import pulumi
from pulumi.dynamic import CheckResult

from kcadmin.authz.named_policies import Item, plain, read_items
from kcadmin.authz.policies import Policies, Policy
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import ResourceServer
from kcadmin.rest.texts import shown
from providers.base.held import writer
from providers.base.inputs import text_faults
from providers.base.owned import ADOPTED, OwnedObjectProvider
from providers.base.provider import Props
from providers.base.resource_server import description_faults, require_services
from providers.base.uuids import is_known

P = TypeVar("P", bound=Policy)
PLACE = ("realm", "resource_server", "resource_server_uuid", "name", "description")
Items = pulumi.Input[Sequence[pulumi.Input[Any]]]
"""Names, or mappings of a name and what belongs to it."""
Number = pulumi.Input[int]


class PolicyProvider(OwnedObjectProvider[P]):
    """A policy's life. ``ITEMS``: lists of items. ``NEEDS``: lists that must not be empty, with what they list."""

    STORE: ClassVar[type[Policies[Any]]]
    ITEMS: ClassVar[Mapping[str, type[Item]]] = {}
    NEEDS: ClassVar[Mapping[str, str]] = {}
    DEFAULTS = {"description": "", "logic": "POSITIVE"}
    REPLACE_ON: ClassVar[tuple[str, ...]] = ("realm", "resource_server_uuid")
    CHOICES = {"logic": ("POSITIVE", "NEGATIVE")}
    CLIENTS = {"resource_server": "resource_server_uuid"}

    def check(self, _olds: Props, news: Props) -> CheckResult:
        """Writes items in their shortest form and in order, so that the same ones are no difference."""
        items = {field: self._items(field, news) for field in self.ITEMS}
        known = {field: [plain(each) for each in given] for field, given in items.items() if given is not None}
        return super().check(_olds, {**news, **known})

    def refusals(self, props: Props) -> Iterator[str]:
        for field, kind in self.ITEMS.items():
            items, value = self._items(field, props), props.get(field)
            if items is None and value and is_known(value):
                names = ", ".join(each.name for each in fields(kind))
                yield f"{field} is {shown(value)}; give a list of names, or of {{{names}}}"
            mappings = [each for each in value or () if isinstance(each, Mapping)] if items else []
            yield from text_faults([field], {field: [text for each in mappings for text in each.values()]})
        for field, what in self.NEEDS.items():
            if is_known(props.get(field)) and not props.get(field):
                yield f"{field} is empty; name at least one {what}"
        yield from description_faults(props)

    def store(self, realm: Realm, props: Props) -> Policies[P]:
        return self.store_on(realm, realm.resource_server(props["resource_server_uuid"]), props)

    def look(self, realm: Realm, props: Props) -> Policies[P]:
        return self.store_on(realm, realm.cached_resource_server(props["resource_server_uuid"]), props)

    def store_on(self, realm: Realm, server: ResourceServer, props: Props) -> Policies[P]:
        """The policies of a type on a resource server, in the stack's own spelling."""
        return self.STORE(realm, server, [each for field in self.SETS for each in props.get(field) or ()])

    def wanted(self, props: Props) -> P:
        given = {field.name: props[field.name] for field in fields(self.STORE.POLICY) if field.name in props}
        typed = {key: self._typed(key, value) for key, value in given.items()}
        policy: P = self.STORE.POLICY(**typed, writer=writer(props))
        return policy

    def before_create(self, realm: Realm, props: Props) -> None:
        require_services(realm, props)

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        if props.get("adopt"):  # a note of what it was is written first, so what it names is looked up before
            self.store(realm, props).body(self.wanted(props))
        return super().create_in(realm, props)

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        if olds.get("found") == ADOPTED:
            self.store(realm, news).body(self.wanted(news))
        return super().change(realm, id_, olds, news)

    def shown(self, found: P, props: Props) -> Props:
        managed = {key: getattr(found, key) for key in self.INPUTS if hasattr(found, key)}
        return {key: _listed(value) if isinstance(value, tuple) else value for key, value in managed.items()}

    def _items(self, field: str, props: Props) -> tuple[Item, ...] | None:
        value = props.get(field)
        if not isinstance(value, list | tuple) or not is_known(value):
            return None
        try:
            return read_items(self.ITEMS[field], value)
        except ValueError:
            return None

    def _typed(self, key: str, value: Any) -> Any:
        if key in self.ITEMS:
            return self._items(key, {key: value})
        if isinstance(value, float):  # as Pulumi hands over every number
            return int(value)
        return tuple(sorted(value)) if isinstance(value, list) else value


def _listed(items: tuple[Item | str, ...]) -> list[Any]:
    return [each if isinstance(each, str) else plain(each) for each in items]
