"""Client policies that may make a client's access tokens lightweight, so that other mappers act on them.

The executor acts at logins, not at an exchange: proven on Keycloak 26.7.3. A condition counts as held unless it says no for this
client whatever the request is. https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kcadmin.audiences import Added, added, resolvers
from kcadmin.client_policies import Entry
from kcadmin.clients import Client
from kcadmin.survey import Survey

EXECUTOR = "use-lightweight-access-token"
TYPES = {"publicClient": "public", "bearerOnly": "bearer-only"}


def lighteners(client: Client, policies: Sequence[Entry] | None, profiles: Sequence[Entry] | None) -> tuple[str, ...]:
    """Their names. None where the login may not read them: then none is known."""
    making = {str(profile.get("name")) for profile in profiles or () if _makes(profile)}
    return tuple(
        str(policy.get("name"))
        for policy in policies or ()
        if policy.get("enabled") and making & {*map(str, policy.get("profiles") or ())} and _may_hold(policy, client)
    )


def added_in(survey: Survey, client: Client) -> list[Added]:
    """All that mappers add to a client's access tokens, with what hangs on such a policy."""
    return added(client, survey.scopes, lighteners(client, survey.client_policies, survey.client_profiles))


def resolvers_in(survey: Survey, client: Client) -> list[Added]:
    """The mappers by which they name each client of which they carry a role."""
    return resolvers(client, survey.scopes, lighteners(client, survey.client_policies, survey.client_profiles))


def _makes(profile: Entry) -> bool:
    return any(each.get("executor") == EXECUTOR for each in profile.get("executors") or ())


def _may_hold(policy: Entry, client: Client) -> bool:
    conditions = policy.get("conditions") or ()
    return bool(conditions) and all(_condition(each, client) for each in conditions)


def _condition(condition: Mapping[str, Any], client: Client) -> bool:
    config: Mapping[str, Any] = condition.get("configuration") or {}
    if condition.get("condition") != "client-access-type":
        return True
    kind = next((kind for field, kind in TYPES.items() if client.is_on(field)), "confidential")
    return (kind in (config.get("type") or ())) != (config.get("is-negative-logic") in (True, "true"))
