"""A stack's state as ``pulumi stack export`` gives it."""

import json
from collections.abc import Mapping
from typing import Any

from policy.stack import GRANT

STACK = "pulumi:pulumi:Stack"


def exported(
    grants: Mapping[str, Mapping[str, Any]], keycloak: Mapping[str, Any] | None = None, *others: Mapping[str, Any]
) -> str:
    """Of a stack with these grants. keycloak: its output; others: more resources."""
    stack = {"urn": f"urn:pulumi:dev::p::{STACK}::p-dev", "type": STACK, "outputs": {"keycloak": keycloak}}
    made = [
        {"urn": f"urn:pulumi:dev::p::{GRANT}::{name}", "type": GRANT, "outputs": dict(grant)}
        for name, grant in grants.items()
    ]
    return json.dumps({"version": 3, "deployment": {"resources": [stack, *made, *others]}})
