"""What the providers of authorization policies share: a mark in the description, and names instead of ids."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, TypeVar

import pulumi

from kcadmin.authz.named_policies import Item, read_items, shortest
from kcadmin.authz.policies import Policies, Policy
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import ResourceServer
from kcadmin.rest.texts import shown
from providers.base.inputs import text_faults
from providers.base.owned import ADOPTED, OwnedObjectProvider
from providers.base.props import Outputs, ResourceServerProps, made_of
from providers.base.resource_server import description_faults, require_services
from providers.base.uuids import is_known

P = TypeVar("P", bound=Policy)
Items = pulumi.Input[Sequence[pulumi.Input[Any]]]
"""Names, or mappings of a name and its fields."""
Named = tuple[str | Mapping[str, object], ...]
"""The same, parsed."""
Number = pulumi.Input[int]


@dataclass(frozen=True, kw_only=True)
class PolicyProps(ResourceServerProps):
    """What policies of all types have."""

    description: str = ""
    logic: str = "POSITIVE"


class PolicyProvider(OwnedObjectProvider[P]):
    """A policy's life. ``ITEMS``: lists of items. ``NEEDS``: lists that must not be empty, with what they list."""

    STORE: ClassVar[type[Policies[Any]]]
    ITEMS: ClassVar[Mapping[str, type[Item]]] = {}
    NEEDS: ClassVar[Mapping[str, str]] = {}
    REPLACE_ON: ClassVar[tuple[str, ...]] = ("realm", "resource_server_uuid")
    CHOICES = {"logic": ("POSITIVE", "NEGATIVE")}

    def in_one_form(self, props: Any) -> Outputs:
        items = {field: self._items(field, props) for field in self.ITEMS}
        return {field: [shortest(each) for each in given] for field, given in items.items() if given is not None}

    def refusals(self, props: Any) -> Iterator[str]:
        for field, kind in self.ITEMS.items():
            items, value = self._items(field, props), getattr(props, field)
            if items is None and value and is_known(value):
                names = ", ".join(each.name for each in fields(kind))
                yield f"{field} is {shown(value)}; give a list of names, or of {{{names}}}"
            mappings = [each for each in value if isinstance(each, Mapping)] if items else []
            yield from text_faults([field], {field: [text for each in mappings for text in each.values()]})
        for field, what in self.NEEDS.items():
            if not getattr(props, field):
                yield f"{field} is empty; name at least one {what}"
        yield from description_faults(props.description)

    def store(self, realm: Realm, props: Any) -> Policies[P]:
        return self.store_on(realm, realm.resource_server(props.resource_server_uuid), props)

    def snapshot(self, realm: Realm, props: Any) -> Policies[P]:
        return self.store_on(realm, realm.cached_resource_server(props.resource_server_uuid), props)

    def store_on(self, realm: Realm, server: ResourceServer, props: Any) -> Policies[P]:
        """The policies of a type on a resource server, in the stack's own spelling."""
        listed = [getattr(props, field) for field in self.SETS]
        return self.STORE(realm, server, [each for names in listed if is_known(names) for each in names])

    def wanted(self, props: Any) -> P:
        policy: P = made_of(
            self.STORE.POLICY, replace(props, **{field: self._items(field, props) for field in self.ITEMS})
        )
        return policy

    def before_create(self, realm: Realm, props: Any) -> None:
        require_services(realm, props)

    def create_in(self, realm: Realm, props: Any) -> tuple[str, Outputs]:
        if props.adopt:  # the note of what it was comes first, so what it refers to is read before that
            self.store(realm, props).body(self.wanted(props))
        return super().create_in(realm, props)

    def change(self, realm: Realm, id_: str, olds: Any, news: Any) -> Outputs:
        if olds.found == ADOPTED:
            self.store(realm, news).body(self.wanted(news))
        return super().change(realm, id_, olds, news)

    def shown(self, realm: Realm, found: P, props: Any) -> Outputs:
        managed = {key: getattr(found, key) for key in self.INPUTS if hasattr(found, key)}
        return {key: _listed(value) if isinstance(value, tuple) else value for key, value in managed.items()}

    def _items(self, field: str, props: Any) -> tuple[Item, ...] | None:
        value = getattr(props, field)
        if not isinstance(value, tuple) or not is_known(value):
            return None
        try:
            return read_items(self.ITEMS[field], value)
        except ValueError:
            return None


def _listed(items: tuple[Item | str, ...]) -> list[Any]:
    return [each if isinstance(each, str) else shortest(each) for each in items]
