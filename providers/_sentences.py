"""How a provider's errors and warnings reach people: as sentences, without a class's name or a traceback."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import pulumi

from kcadmin.errors import KeycloakError


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Pulumi shows ``Class: text``, and of an exception without a text its class's name: so the sentence is the name."""
    try:
        yield
    except KeycloakError as error:
        raise type(str(error), (Exception,), {"__module__": "builtins"}) from None


@functools.cache
def warn_insecure() -> None:
    """Says once a process that any server may pose as Keycloak."""
    pulumi.log.warn(
        "insecureTls is true: any server may pose as Keycloak and read the login; set caCertificate instead."
    )
