"""The program of the engine's floor: ours, with providers that do nothing and with the server's answers from a file.

It is linked as ``__main__.py`` into the stack's project. The run that finds no file asks the server, and writes it.
"""

import os
import pickle
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi.dynamic

from bench.nothing import FACTS, NothingProvider
from reach import preflight
from reach.near import Near

PROGRAM = Path(__file__).resolve().parent.parent / "__main__.py"


def remembered(*asked: Any, **_known: Any) -> Any:
    """The server's answers, from a file. Clients that the program does not name change nothing."""
    file = Path(os.environ[FACTS])
    if not file.exists():
        file.write_bytes(pickle.dumps(replace(ask(*asked), near=Near())))  # which would ask the server
    return pickle.loads(file.read_bytes())  # noqa: S301 - it is ours


def registered(resource: Any, _provider: Any, *arguments: Any, **named: Any) -> None:
    """Registers a resource with a provider that does nothing."""
    register(resource, NothingProvider(), *arguments, **named)


ask, preflight.ask_server = preflight.ask_server, remembered  # type: ignore[assignment]
register, pulumi.dynamic.Resource.__init__ = pulumi.dynamic.Resource.__init__, registered  # type: ignore[method-assign, assignment]
runpy.run_path(str(PROGRAM), run_name="__main__")
