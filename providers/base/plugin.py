"""How a provider answers in a plugin's process: with sentences and harmless values."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from pulumi.dynamic import ResourceProvider

from providers.base.messages import errors_as_sentences, show_warnings
from providers.base.values import with_closed_values

Provider = TypeVar("Provider", bound=ResourceProvider)
CALLED_BY_PULUMI = ("check", "diff", "create", "update", "read", "delete")


def _closed(provider: ResourceProvider, name: str) -> Callable[..., Any]:
    return with_closed_values(getattr(provider, name))


def speak_to_people(provider: Provider, called: Callable[[Provider, str], Callable[..., Any]] = _closed) -> None:
    """From now on. called: a method of the provider as Pulumi calls it."""
    show_warnings()
    sys.tracebacklimit = 0  # in this process people see an exception as its sentence
    for method in CALLED_BY_PULUMI:
        setattr(provider, method, errors_as_sentences()(called(provider, method)))
