"""Whether a resource of the running program was registered, and with which outputs."""

from collections.abc import Iterable
from typing import Any

import pulumi
from pulumi.output import UNKNOWN


async def is_registered(resource: pulumi.Resource) -> bool:
    """Waits for the engine's answer. False: it failed, with an error of any type, which Pulumi's SDK reports."""
    try:
        await resource.urn.future()
    except Exception:
        return False
    return True


async def outputs_of(resource: pulumi.Resource, names: Iterable[str]) -> dict[str, Any]:
    """Its outputs of these names, without those that have no value. ``UNKNOWN``: a preview does not know it."""
    there = {name: each for name in names if isinstance(each := getattr(resource, name, None), pulumi.Output)}
    found = {name: await each.future() if await each.is_known() else UNKNOWN for name, each in there.items()}
    return {name: value for name, value in found.items() if value is not None}
