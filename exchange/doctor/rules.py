"""The rules of the policy pack on a stack's state, without Pulumi's policy engine."""

import datetime
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exchange.stack.stack import Pulumi, StackProblem
from kcadmin.marks.packed import as_int
from policy.rule import MANDATORY, Rule, Violation
from policy.rules import RULES
from policy.stack import Resource, Stack, read_stack

SECRET_MARK = "4dabf18193072939515e22adb298388d"  # noqa: S105  # Pulumi's mark of a secret within state


@dataclass(frozen=True)
class Broken:
    """A rule and one finding of it."""

    rule: Rule
    finding: Violation

    @property
    def mandatory(self) -> bool:
        """Whether a run with the policy pack would fail."""
        return self.rule.severity == MANDATORY


def broken_rules(run: Pulumi, chosen: Sequence[str]) -> list[Broken]:
    """Every finding of every rule, mandatory ones first. chosen: ``--stack NAME``, or nothing for the selected one.

    :raises StackProblem: the state cannot be read.
    """
    stack = state_for_rules(run(["stack", "export", *chosen]))
    found = [Broken(rule, finding) for rule in RULES for finding in rule.findings(stack)]
    return sorted(found, key=lambda each: not each.mandatory)


def state_for_rules(text: str) -> Stack:
    """A stack from what ``pulumi stack export`` says. :raises StackProblem: it is none."""
    try:
        deployment = json.loads(text)["deployment"]
        resources = [*_resources(deployment.get("resources") or ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StackProblem("`pulumi stack export`: its answer is not a state; check `pulumi version`.") from None
    return read_stack(datetime.datetime.now().astimezone().date(), resources, os.environ)


def _resources(resources: Sequence[Mapping[str, Any]]) -> Iterator[Resource]:
    for each in resources:
        if not each.get("delete"):  # replaced already, and only to be deleted
            properties = {**(each.get("inputs") or {}), **(each.get("outputs") or {})}
            yield Resource(str(each["type"]), str(each["urn"]), plain_value(properties))


def plain_value(value: Any) -> Any:
    """A value of a state for the rules: a secret is None, a whole number is an int."""
    if isinstance(value, Mapping):
        return None if SECRET_MARK in value else {key: plain_value(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain_value(each) for each in value]
    return as_int(value)
