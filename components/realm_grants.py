"""``RealmGrants`` of the package: all plain grants of a realm, planned together and held as one resource."""

from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import pulumi

from components.bulk import InBulk
from components.grant_options import handed_on, option_faults
from components.settings import read_settings
from components.shared_parts import SharedParts
from components.token_exchange_grant import plan_together
from grants.description import describe
from grants.spec import GrantSpec, read_grant
from kcadmin.marks.packed import REALM_GRANTS, TOKEN
from kcadmin.rest.texts import named
from providers.base import messages
from providers.base.face import own_provider, this_run
from providers.realm_grants import RealmGrants as Holder

OF_ALL = ("name", "realm")
OTHER_PROVIDER = "uses an explicit provider; make each of its grants a TokenExchangeGrant, or use the default provider."
MOVES = (
    "the stack holds a resource for each part of these grants; run the former program once with config resources: realm, "
    "then this one."
)
_realms: "WeakKeyDictionary[object, dict[str, str]]" = WeakKeyDictionary()


class RealmParts(Holder, module="keycloak", name="RealmParts"):
    """What all of them need."""


class GrantsOfRealm(pulumi.ComponentResource):
    """All grants of a realm as one resource: for hundreds of grants between clients that exist.

    :param grants: by their names. realm: the provider's where not given.
    :raises pulumi.RunError: with all faults of all grants, before anything is registered.
    """

    outputs: dict[str, Any]

    def __init__(
        self,
        name: str,
        *,
        grants: Mapping[str, Mapping[str, Any]],
        realm: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        settings = read_settings(grants=False)
        realm = realm or settings.realm
        specs, faults = _read(name, grants, {**settings.defaults, "realm": realm})
        faults += [f"grants {named(name)}: {wrong}; {remedy}." for wrong, remedy in option_faults(opts)]
        if faults:
            raise messages.program_error(faults) from None
        plans, shared = plan_together(specs, settings.connection), SharedParts()
        shared.join(plans)
        super().__init__(REALM_GRANTS, name, None, opts)
        wanted = handed_on(opts)
        former = pulumi.Alias(name=f"{realm}/grants", type_=TOKEN, parent=pulumi.ROOT_STACK_RESOURCE)

        def holder(*given: Any, opts: pulumi.ResourceOptions, **more: Any) -> Holder:
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(parent=self, aliases=[former]))
            return RealmParts(*given, opts=wanted.on_shared(opts), **more)

        list(InBulk(plans, shared, holder=holder).register(_of_each))
        self.outputs = {"realm": realm, "grants": {each.spec.name: describe(each) for each in plans}}
        self.register_outputs({"realm": realm})  # the state holds the grants below it


def _read(
    holder: str, grants: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]
) -> tuple[list[GrantSpec], list[str]]:
    about, faults = f"grants {named(holder)}", list[str]()
    if own_provider():
        faults.append(f"{about}: {OTHER_PROVIDER}")
    there = _realms.setdefault(run, {}) if (run := this_run()) else {}
    if there.setdefault(str(defaults["realm"]), holder) != holder:
        other = there[str(defaults["realm"])]
        faults.append(
            f"{about}: are in realm {named(defaults['realm'])}, as {named(other)} are; make one RealmGrants of the two."
        )
    specs: list[GrantSpec] = []
    for name, grant in grants.items():
        faults += [
            f"{about}: {named(name)} sets {key}, which holds for all grants here; leave it out."
            for key in OF_ALL
            if key in grant
        ]
        spec, wrong = read_grant({**grant, "name": name}, defaults)
        specs += [spec] if spec else []
        faults += wrong
    return specs, faults


def _of_each() -> Iterator[pulumi.Resource]:
    raise messages.program_error([MOVES]) from None
    yield
