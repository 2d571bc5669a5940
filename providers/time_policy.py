"""Time policies of a resource server: they match in a span of time, by the server's own clock and zone.

A window of hours past midnight, or with minutes, needs several and an aggregate policy: ``time_windows.time_parts``.

https://www.keycloak.org/docs/latest/authorization_services/#_policy_time
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from kcadmin.authz.policies import TIME_FIELDS, TimePolicies
from kcadmin.authz.policies import TimePolicy as Policy
from kcadmin.authz.time_windows import time_faults
from providers.base.connections import Server
from providers.base.policy import Number, PolicyProps, PolicyProvider
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.uuids import is_known


@dataclass(frozen=True, kw_only=True)
class TimePolicyProps(PolicyProps):
    not_before: str | None = None
    not_on_or_after: str | None = None
    year: int | None = None
    year_end: int | None = None
    month: int | None = None
    month_end: int | None = None
    day_month: int | None = None
    day_month_end: int | None = None
    hour: int | None = None
    hour_end: int | None = None
    minute: int | None = None
    minute_end: int | None = None


class TimePolicyProvider(PolicyProvider[Policy]):
    """Create, read, update and delete of a time policy."""

    OBJECT = "time policy"
    PROPS = TimePolicyProps
    STORE = TimePolicies

    def refusals(self, props: TimePolicyProps) -> Iterator[str]:
        yield from super().refusals(props)
        given = {key: getattr(props, key) for key in TIME_FIELDS}
        if is_known(list(given.values())):
            yield from time_faults(given)


class TimePolicy(KeycloakResource, module="keycloak", name="TimePolicy"):
    """A time policy on a resource server.

    :param resource_server: the client id of the resource server.
    :param name: unique among the policies and permissions of the resource server; changes in place.
    :param not_before: a date as ``YYYY-MM-DD HH:MM:SS``; matches from then on. not_on_or_after: matches until then.
    :param year: alone, that one; with ``year_end``, the first and the last of a span. Likewise month (1 to 12), day_month
        (1 to 31), hour (0 to 23) and minute (0 to 59). All that are set must match; an end comes after its beginning.
    :param logic: ``POSITIVE`` or ``NEGATIVE``.
    :param adopt: take over a policy of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        resource_server: Text,
        name: Text,
        description: Text | None = None,
        not_before: Text | None = None,
        not_on_or_after: Text | None = None,
        year: Number | None = None,
        year_end: Number | None = None,
        month: Number | None = None,
        month_end: Number | None = None,
        day_month: Number | None = None,
        day_month_end: Number | None = None,
        hour: Number | None = None,
        hour_end: Number | None = None,
        minute: Number | None = None,
        minute_end: Number | None = None,
        logic: Text | None = None,
        resource_server_uuid: Text | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TimePolicyProvider(), resource_name, locals(), opts)
