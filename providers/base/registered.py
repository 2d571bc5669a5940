"""Whether a resource of the running program was registered."""

import pulumi


async def is_registered(resource: pulumi.Resource) -> bool:
    """Waits for the engine's answer. False: it failed, with an error of any type, which Pulumi's SDK reports."""
    try:
        await resource.urn.future()
    except Exception:
        return False
    return True
