"""Client policies that may make a client's access tokens lightweight, so that other mappers act on them.

The executor acts at logins, not at an exchange: proven on Keycloak 26.7.3. A condition counts as true unless it says no for
this client at every request. https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kcadmin.guards.client_policies import Entry
from kcadmin.objects.clients import Client
from kcadmin.writes.votes import ACCESS_TYPE, Vote, access_type, either, joined
from reach.audiences import Added, Shapes, added, issued, resolvers
from reach.survey import Survey

EXECUTOR = "use-lightweight-access-token"


def lighteners(client: Client, policies: Sequence[Entry] | None, profiles: Sequence[Entry] | None) -> tuple[str, ...]:
    """Their names. None where the login may not read them: then none is known."""
    making = {str(profile.get("name")) for profile in profiles or () if _makes(profile)}
    return tuple(
        str(policy.get("name"))
        for policy in policies or ()
        if policy.get("enabled") and making & {*map(str, policy.get("profiles") or ())} and _may_hold(policy, client)
    )


def added_in(survey: Survey, client: Client) -> list[Added]:
    """All that mappers add to a client's access tokens, also if that depends on such a policy or on introspection."""
    return added(client, survey.scopes, _shapes(survey, client))


def issued_in(survey: Survey, client: Client) -> list[Added]:
    """The mappers by which its access tokens pass for another client's."""
    return issued(client, survey.scopes, _shapes(survey, client))


def resolvers_in(survey: Survey, client: Client) -> list[Added]:
    """The mappers that add each client of which they contain a role."""
    return resolvers(client, survey.scopes, _shapes(survey, client))


def _shapes(survey: Survey, client: Client) -> Shapes:
    passing = survey.introspectors.of(client, survey.scopes)
    return Shapes(lighteners(client, survey.client_policies, survey.client_profiles), passing)


def _makes(profile: Entry) -> bool:
    return any(each.get("executor") == EXECUTOR for each in profile.get("executors") or ())


def _may_hold(policy: Entry, client: Client) -> bool:
    """A login is not an exchange. Of the conditions, only the one on the access type surely says no."""

    def vote(name: str, config: Mapping[str, Any]) -> Vote:
        kind = frozenset((access_type(client.representation),))
        return either(kind, config.get("type")) if name == ACCESS_TYPE else Vote.UNKNOWN

    return joined(policy, vote) is not Vote.NO
