"""Why a call failed, in harmless sentences with the package's config keys."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pulumi

from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.misread import misreadings
from kcadmin.rest.texts import harmless
from package.config import as_of_package


class CallFailed(Exception):
    """One sentence per line. left: the id and the outputs of an object that was made in part."""

    def __init__(self, text: str, left: tuple[str, Mapping[str, Any]] | None = None) -> None:
        super().__init__(text)
        self.left = left


@contextmanager
def told_as_sentences() -> Iterator[None]:
    """Turns every exception of a call into ``CallFailed`` with sentences. :raises CallFailed: the call failed."""
    try:
        with misreadings():
            yield
    except CallFailed:
        raise
    except KeycloakError as problem:
        raise call_failed(problem.faults) from None
    except pulumi.RunError as problem:
        raise call_failed(str(problem).splitlines()) from None
    except Exception as problem:
        raise call_failed([f"{type(problem).__name__}: {problem}"]) from problem


def call_failed(faults: Iterable[str], left: tuple[str, Mapping[str, Any]] | None = None) -> CallFailed:
    """From sentences, as Pulumi shows them."""
    return CallFailed("\n".join(as_of_package(harmless(each)) for each in faults), left)
