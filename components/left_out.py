"""What ``--target`` leaves out of a run: Pulumi then makes a grant's component, but none of its resources."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime import get_root_resource, is_dry_run

from grants.odd import NOT_WIRED
from kcadmin.rest.texts import named, some
from providers.base import messages
from providers.base.registered import is_registered


@dataclass(eq=False)
class _Run:
    """parts: of each grant, by its name."""

    parts: dict[str, Sequence[pulumi.Resource]] = field(default_factory=dict)
    told: pulumi.Output[bool] | None = None

    async def tell(self) -> bool:
        """Warns once, when all is registered. Returns whether it warned."""
        left: dict[str, str] = {}
        while self.parts:
            grant, parts = self.parts.popitem()
            missing = [part._name for part in parts if not await _is_made(part)]
            if missing:
                left[grant] = missing[0]
        self.told = None
        if left:
            grant, part = min(left.items())
            odd = NOT_WIRED.told(grant=named(grant), part=named(part))
            messages.warn(f"grants {some(sorted(left))}: {odd.wrong}; {odd.remedy}.")
        return bool(left)


_runs: "WeakKeyDictionary[pulumi.Resource, _Run]" = WeakKeyDictionary()


def watch_left_out(grant: str, parts: Sequence[pulumi.Resource]) -> None:
    """Checks at the end of a run that writes whether everything that a grant needs exists."""
    root = get_root_resource()
    if root is None or is_dry_run():
        return
    run = _runs.setdefault(root, _Run())
    run.parts[grant] = parts
    run.told = run.told or pulumi.Output.from_input(run.tell())  # the program waits for its result


async def _is_made(part: pulumi.Resource) -> bool:
    """A resource that was left out has no id, and no error."""
    if not isinstance(part, pulumi.CustomResource) or not await is_registered(part):
        return True
    return bool(await part.id.is_known())
