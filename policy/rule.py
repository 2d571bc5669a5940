"""A rule: a sentence, a severity, a reference, and a function that finds what breaks it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kcadmin.rest.texts import harmless
from policy.stack import Stack

ADVISORY, MANDATORY = "advisory", "mandatory"
PRODUCTION = ("prod", "production", "live")


@dataclass(frozen=True)
class Violation:
    """What breaks a rule, in one sentence. resource: the URN of the resource, or "" for the stack."""

    text: str
    resource: str = ""


@dataclass(frozen=True)
class Limit:
    """A setting of a rule. schema: the JSON schema of its values."""

    default: Any
    schema: Mapping[str, Any]
    meaning: str


@dataclass(frozen=True)
class Rule:
    """A rule about a stack.

    No I/O.
    :param name: the rule as a sentence, in kebab-case. People have it in their configuration, so it must not change.
    :param severity: ``advisory`` warns, ``mandatory`` fails the run.
    :param reference: the URL of the RFC's or Keycloak's section that says so.
    :param check: gives the findings; takes the stack, and each limit by its name.
    """

    name: str
    sentence: str
    severity: str
    reference: str
    check: Callable[..., Iterator[Violation]]
    limits: Mapping[str, Limit] = field(default_factory=dict)

    def findings(self, stack: Stack, settings: Mapping[str, Any] | None = None) -> list[Violation]:
        """The rule's violations, harmless for terminals and logs. :param settings: limits that differ from the defaults."""
        limits = {name: (settings or {}).get(name, limit.default) for name, limit in self.limits.items()}
        return [replace(found, text=harmless(found.text)) for found in self.check(stack, **limits)]


def whole_number(default: int, meaning: str) -> Limit:
    return Limit(default, {"type": "integer", "minimum": 1}, meaning)


def texts(default: tuple[str, ...], meaning: str) -> Limit:
    return Limit(default, {"type": "array", "items": {"type": "string"}}, meaning)


def production_stacks() -> Limit:
    """The setting for rules of production stacks: the stacks that count as production."""
    return texts(PRODUCTION, "production stacks: their names, with `*` for any characters, or a word of their names")
