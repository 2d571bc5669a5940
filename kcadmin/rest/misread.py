"""For answers of an unexpected shape: a sentence instead of a traceback."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kcadmin.rest.errors import KeycloakError

PROJECT = Path(__file__).parents[2]
READERS = [PROJECT / room for room in ("kcadmin", "reach", "exchange")]
OF_DATA = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)


class Misread(KeycloakError):
    """An answer that is misread here, or that no Keycloak gives."""


@contextmanager
def misreadings() -> Iterator[None]:
    """Turns data errors in code that reads answers into a sentence with their place; errors elsewhere stay.

    :raises Misread: without any of the data, which may be secret.
    """
    try:
        yield
    except OF_DATA as problem:
        frames = [each for each in traceback.extract_tb(problem.__traceback__) if _is_reader(Path(each.filename))]
        if not frames:
            raise
        where = f"{Path(frames[-1].filename).relative_to(PROJECT)}:{frames[-1].lineno}"
        raise Misread(
            f"an answer or the stack: holds something that this version cannot read ({type(problem).__name__} at {where}); "
            "check that url is Keycloak's own address, and report this if it is."
        ) from None


def _is_reader(file: Path) -> bool:
    """The frame of a block under this guard does not count: it only waits."""
    passing = (Path(__file__), PROJECT / "exchange" / "terminal" / "console.py")
    return file not in passing and any(room in file.parents for room in READERS)
