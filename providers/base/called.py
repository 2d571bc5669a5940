"""A provider's methods as Pulumi calls them: with harmless values, and with states that either face has written."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import DiffResult, UpdateResult

from providers.base.compare import Difference
from providers.base.face import inside, is_package
from providers.base.values import with_closed_values

if TYPE_CHECKING:
    from pulumi.dynamic import ResourceProvider

PROVIDER_KEY = "__provider"
Props = dict[str, Any]


def as_called(provider: "ResourceProvider", name: str) -> Callable[..., Any]:
    """``check``, ``diff``, ``create``, ``update``, ``read`` or ``delete`` of a provider."""
    method = getattr(provider, name)
    if name == "diff":
        method = partial(_diff, method)
    elif name == "update":
        method = partial(_update, provider.diff, method)
    else:
        method = partial(_named, method)
    return with_closed_values(lambda *args: method(*args))


def _named(method: Callable[..., Any], *args: Any) -> Any:
    return method(*map(_inside, args))


def _inside(value: Any) -> Any:
    return {inside(key): each for key, each in value.items()} if isinstance(value, dict) else value


def _diff(diff: Callable[..., DiffResult], id_: str, olds: Props, news: Props) -> DiffResult:
    """A state that the other face has written counts as a change, although the object is unchanged."""
    found = _named(diff, id_, olds, news)
    return Difference([PROVIDER_KEY], []) if _is_of_other_face(olds) and not found.changes else found


def _update(
    diff: Callable[..., DiffResult], update: Callable[..., UpdateResult], id_: str, olds: Props, news: Props
) -> UpdateResult:
    """Such a state is written again, without a request that changes the object."""
    if _is_of_other_face(olds) and not _named(diff, id_, olds, news).changes:
        kept = {**_inside(olds), **news}
        return UpdateResult({key: value for key, value in kept.items() if key != PROVIDER_KEY})
    changed: UpdateResult = _named(update, id_, olds, news)
    return changed


def _is_of_other_face(state: Props) -> bool:
    """The state of a dynamic resource holds its provider; that of one of the package has names in camelCase."""
    return PROVIDER_KEY in state if is_package() else any(key != inside(key) for key in state)
