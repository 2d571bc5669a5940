"""Pulumi's options of a grant, as each resource that it needs takes them, also what grants share: docs/adr/0029.

Pulumi itself hands options on to children alone, and what grants share are children of the stack.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from grants.odd import OPTION_LATE, OPTION_UNFIT
from grants.spec import GrantSpec
from kcadmin.rest.texts import named
from providers.base import messages
from providers.base.face import is_package, outside
from providers.base.resource import awaited

HANDED_ON = ("protect", "retain_on_delete", "depends_on", "deleted_with", "transforms", "transformations")
OF_THE_GRANT = ("parent", "aliases")
PROVIDERS = ("provider", "providers")  # of the package
CONNECTION = "give the grant a connection, which names its Keycloak and the login"
ALONE = "leave it out, or make that resource without a grant and give the option to it"
INSTEAD: Mapping[str, str] = {
    "provider": CONNECTION,
    "providers": CONNECTION,
    "import_": "leave it out, since `pulumi up` uses existing objects",
    "id": "leave it out, since `pulumi up` uses existing objects",
    "urn": "leave it out, since `pulumi up` uses existing objects",
    "custom_timeouts": "leave it out, since each request has its own limit",
    "delete_before_replace": "leave it out, since what cannot change in place is always deleted first",
}
"""What to do instead of an option that has no effect on a grant's resources."""


@dataclass(frozen=True)
class GrantOptions:
    """What a grant's resources take over. depends_on: resources of ours and other grants; with others a grant is a late one."""

    protect: bool = False
    retain_on_delete: bool = False
    depends_on: tuple[pulumi.Resource, ...] = ()
    deleted_with: pulumi.Resource | None = None
    transforms: tuple[Any, ...] = ()
    transformations: tuple[Any, ...] = ()

    def on_shared(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """Resource options with these, for a child of the stack."""
        if self == NONE:
            return opts
        own = pulumi.ResourceOptions(
            depends_on=list(self.depends_on),
            transforms=list(self.transforms) or None,
            transformations=list(self.transformations) or None,
        )
        return pulumi.ResourceOptions.merge(self.on_child(opts), own)

    def on_child(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """Resource options with these, for a child of the grant.

        Transforms reach it anyway, and it waits for shared parts or the check.
        """
        if self == NONE:
            return opts
        own = pulumi.ResourceOptions(
            protect=self.protect or None, retain_on_delete=self.retain_on_delete or None, deleted_with=self.deleted_with
        )
        return pulumi.ResourceOptions.merge(opts, own)

    def lacking(self, earlier: "GrantOptions", part: pulumi.Resource) -> list[str]:
        """The options that a part lacks, since an earlier grant registered it with other ones."""
        waits = [each for each in self.depends_on if each is not part and part not in _parts_of(each)]
        return [
            *(["protect"] if self.protect and not part._protect else []),
            *(["retain_on_delete"] if self.retain_on_delete and not earlier.retain_on_delete else []),
            *(["depends_on"] if any(each not in earlier.depends_on for each in waits) else []),
            *(["deleted_with"] if self.deleted_with is not earlier.deleted_with else []),
            *(["transforms"] if any(each not in earlier.transforms for each in self.transforms) else []),
            *(["transformations"] if any(each not in earlier.transformations for each in self.transformations) else []),
        ]


NONE = GrantOptions()


def handed_on(opts: pulumi.ResourceOptions | None) -> GrantOptions:
    """The options of a grant for its resources. A component around it hands on its own protection."""
    if opts is None:
        return NONE
    return GrantOptions(
        protect=bool(opts.protect if opts.protect is not None else _is_protected(opts.parent)),
        retain_on_delete=bool(opts.retain_on_delete),
        depends_on=tuple(each for each in awaited(opts) if isinstance(each, pulumi.Resource)),
        deleted_with=opts.deleted_with,
        transforms=tuple(opts.transforms or ()),
        transformations=tuple(opts.transformations or ()),
    )


def agree(spec: GrantSpec, wanted: GrantOptions, there: Mapping[pulumi.Resource, GrantOptions]) -> None:
    """Compares a grant's options with those of resources that other grants have registered.

    :param there: the options of each.
    :raises pulumi.RunError: one cannot get an option any more.
    """
    faults = [
        spec.describe(odd.wrong, odd.remedy)
        for part, earlier in there.items()
        for option in wanted.lacking(earlier, part)
        for odd in [OPTION_LATE.told(option=option, part=f"{type(part).__name__} {named(part._name)}")]
    ]
    if faults:
        raise messages.program_error(faults)


def option_faults(opts: pulumi.ResourceOptions | None) -> Iterator[tuple[str, str]]:
    """Options that would have no effect on what a grant needs: what is wrong, and what to do."""
    for name, value in vars(opts).items() if opts else ():
        held = vars(value).values() if isinstance(value, pulumi.ResourceHookBinding) else [value]
        if name not in (*HANDED_ON, *OF_THE_GRANT, *(PROVIDERS if is_package() else ())) and any(
            each not in (None, [], {}) for each in held
        ):
            shown = outside(name) if is_package() else name
            odd = OPTION_UNFIT.told(option=shown, instead=INSTEAD.get(name, ALONE))
            yield odd.wrong, odd.remedy


def hold(grant: pulumi.ComponentResource, parts: Sequence[pulumi.Resource]) -> None:
    """Makes ``depends_on=[grant]`` wait for parts that are no children of the grant.

    Pulumi's SDK waits for a component's own children only, so those of another parent are added to them here.
    """
    grant._childResources.update(parts)


def _parts_of(resource: pulumi.Resource) -> set[pulumi.Resource]:
    return resource._childResources if isinstance(resource, pulumi.ComponentResource) else set()


def _is_protected(parent: pulumi.Resource | None) -> bool:
    return bool(getattr(parent, "_protect", False))  # a package does not learn its parent's options
