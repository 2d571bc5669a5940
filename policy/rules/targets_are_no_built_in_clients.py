"""A token for one of Keycloak's own clients can manage the user's account or the realm itself."""

from collections.abc import Iterable, Iterator

from kcadmin.marks.packed import OBJECT
from kcadmin.rest.texts import named
from policy.rule import MANDATORY, Rule, Violation, texts
from policy.stack import Resource, Stack

BUILT_IN = (
    "account",
    "account-console",
    "admin-cli",
    "broker",
    "master-realm",
    "realm-management",
    "security-admin-console",
)


EXCHANGE = "token-exchange"
WRONG = "is a client of Keycloak's own; name a service of yours."


def findings(stack: Stack, *, clients: list[str]) -> Iterator[Violation]:
    sentence = set()
    for grant in stack.grants:
        if _is_built_in(grant.realm, grant.target, clients):
            sentence.add((grant.realm, grant.target))
            yield Violation(grant.sentence(f"target {named(grant.target)} {WRONG}"), grant.urn)
    for resource in stack.resources:
        realm = resource.text("realm")
        for subject, leads, client in _leads(resource):
            if (
                _is_built_in(realm, client, clients) and (realm, client) not in sentence
            ):  # else the whole grant is reported
                yield Violation(resource.sentence(subject, f"{leads} {named(client)} {WRONG}"), resource.urn)


def _leads(resource: Resource) -> Iterator[tuple[str, str, str]]:
    """Clients that a resource lets others exchange tokens for: the resource in words, how it allows that, the client."""
    client, kind = resource.text("client_id"), resource.kind.removeprefix(OBJECT)
    if kind == "AudienceMapper":
        for field in ("included_client", "custom_audience"):
            yield f"audience mapper of client {named(client)}", "its audience", resource.text(field)
    elif kind == "AudienceScope":
        scope = f"client scope {named(resource.text('name'))}"
        yield scope, "its audience", resource.text("included_client")
        for holder in resource.properties.get("client_roles") or ():
            yield scope, "it has roles, and with them the audience, of client", str(holder)
    elif kind == "StandardTokenExchange":
        yield "standard token exchange", "its client", client
    elif kind in ("ManagementPermissions", "TokenExchangePermission"):
        what = "token-exchange" if kind == "TokenExchangePermission" else "management"
        yield f"{what} permission{'' if what == EXCHANGE else 's'}", "its client", client
    elif kind == "ScopePermission" and EXCHANGE in (resource.properties.get("scopes") or ()):
        subject = f"scope permission {named(resource.text('name'))}"
        yield subject, f"has the scope {EXCHANGE} on", resource.text("resource_server")


def _is_built_in(realm: str, client: str, clients: Iterable[str]) -> bool:
    return client in clients or (realm == "master" and client.endswith("-realm"))


RULE = Rule(
    name="targets-are-no-built-in-clients",
    sentence="No grant and no resource has one of Keycloak's own clients as target.",
    severity=MANDATORY,
    reference="https://www.keycloak.org/docs/latest/server_admin/#_per_realm_admin_permissions",
    check=findings,
    limits={
        "clients": texts(
            BUILT_IN, "client ids that may not be targets; in the realm master no `<realm>-realm` may either"
        )
    },
)
