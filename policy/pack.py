"""The rules as a Pulumi policy pack: CrossGuard's resources become plain data, findings become violations."""

import datetime
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from kcadmin.marks.packed import as_int
from policy.rule import Rule
from policy.rules import RULES
from policy.stack import Resource, read_stack

PROJECT = "keycloak-token-exchange"


def serve() -> None:
    """Serves the rules to Pulumi's engine until it ends this process."""
    PolicyPack(PROJECT, [as_policy(rule) for rule in RULES])


def as_policy(rule: Rule) -> StackValidationPolicy:
    schema = {
        name: {**limit.schema, "default": limit.default, "description": limit.meaning}
        for name, limit in rule.limits.items()
    }
    return StackValidationPolicy(
        name=rule.name,
        description=f"{rule.sentence} ({rule.reference})",
        validate=functools.partial(report, rule),
        enforcement_level=EnforcementLevel(rule.severity),
        config_schema=PolicyConfigSchema(schema) if schema else None,
        url=rule.reference,
    )


def report(rule: Rule, args: StackValidationArgs, report_violation: ReportViolation) -> None:
    """Reports each finding of a rule at its resource, or at the stack."""
    resources = [Resource(each.resource_type, each.urn, plain(each.props)) for each in args.resources]
    stack = read_stack(datetime.datetime.now().astimezone().date(), resources, os.environ)
    urns = {each.urn for each in resources}  # one resource may contain many grants
    for finding in rule.findings(stack, plain(args.get_config())):
        report_violation(finding.text, finding.resource if finding.resource in urns else None)


def plain(value: Any) -> Any:
    """A value without Pulumi's wrappers: an unknown is None, a whole number is an int."""
    if isinstance(value, Mapping):
        return {key: plain(_known(value, key)) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(_known(value, position)) for position in range(len(value))]
    return as_int(value)


def _known(values: Any, key: Any) -> Any:
    try:
        return values[key]
    except UnknownValueError:
        return None
