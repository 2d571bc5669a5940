"""Regex policies of a resource server: they match where a claim matches a Java regular expression.

On ``realm-management`` the only claim at an exchange is ``scope``, the scopes of the subject token.

https://www.keycloak.org/docs/latest/authorization_services/#_policy_regex
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from kcadmin.authz.policies import RegexPolicies
from kcadmin.authz.policies import RegexPolicy as Policy
from kcadmin.rest.texts import named, shown
from providers.base.connections import Server
from providers.base.policy import PolicyProps, PolicyProvider
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.uuids import is_known

_PIECE = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.|\[\^?\]?|.", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class RegexPolicyProps(PolicyProps):
    target_claim: str
    pattern: str
    target_context_attributes: bool = False


class RegexPolicyProvider(PolicyProvider[Policy]):
    """Create, read, update and delete of a regex policy."""

    OBJECT = "regex policy"
    PROPS = RegexPolicyProps
    STORE = RegexPolicies

    def refusals(self, props: RegexPolicyProps) -> Iterator[str]:
        yield from super().refusals(props)
        wrong = pattern_fault(props.pattern) if is_known(props.pattern) else None
        if wrong:
            yield f"pattern is {shown(props.pattern)}, {wrong}, and would be an error 500 at each request; correct it"


def pattern_fault(pattern: str) -> str | None:
    """Certain faults of a Java regular expression: in its brackets, and from other dialects."""
    if pattern[:1] in ("*", "+", "?"):
        return f"which begins with {named(pattern[0])}"
    if re.search(r"\(\?[a-z]*x", pattern):  # then it may have comments
        return None
    groups = sets = 0
    for piece in _PIECE.findall(pattern):
        if piece == "\\":
            return "which ends with a single backslash"
        if piece[0] == "[":  # they nest in Java
            sets += 1
        elif sets:
            sets -= piece == "]"
        else:
            groups += (piece == "(") - (piece == ")")
            if groups < 0:
                return "in which a ')' closes nothing"
    return "in which a '[' is not closed" if sets else "in which a '(' is not closed" if groups else None


class RegexPolicy(KeycloakResource, module="keycloak", name="RegexPolicy"):
    """A regex policy on a resource server.

    :param resource_server: the client id of the resource server.
    :param name: unique among the policies and permissions of the resource server; changes in place.
    :param target_claim: a claim of the token; with dots, a path into one.
    :param pattern: a regular expression as Java takes it; it must match the whole value.
    :param target_context_attributes: check attributes of the request instead of claims.
    :param logic: ``POSITIVE`` or ``NEGATIVE``.
    :param adopt: take over a policy of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]
    pattern: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        resource_server: Text,
        name: Text,
        target_claim: Text,
        pattern: Text,
        description: Text | None = None,
        target_context_attributes: Flag | None = None,
        logic: Text | None = None,
        resource_server_uuid: Text | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(RegexPolicyProvider(), resource_name, locals(), opts)
