"""Why a call failed, in sentences that are harmless and speak of the package's config."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pulumi

from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.misread import misreadings
from kcadmin.rest.texts import harmless
from package.config import as_of_package


class CallFailed(Exception):
    """A sentence a line."""


@contextmanager
def told_as_sentences() -> Iterator[None]:
    """:raises CallFailed: in place of any other exception."""
    try:
        with misreadings():
            yield
    except CallFailed:
        raise
    except KeycloakError as problem:
        raise _failed(problem.faults) from None
    except pulumi.RunError as problem:
        raise _failed(str(problem).splitlines()) from None
    except Exception as problem:
        raise _failed([f"{type(problem).__name__}: {problem}"]) from problem


def _failed(faults: Iterable[str]) -> CallFailed:
    return CallFailed("\n".join(as_of_package(harmless(each)) for each in faults))
