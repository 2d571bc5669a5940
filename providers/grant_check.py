"""The check of a grant whose clients come in the same run: before its mappers and switches, which depend on it.

A preview judges what is known by then, ``pulumi up`` the rest. Nothing is written to the realm.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult
from pulumi.output import Unknown

from grants.late import REALM, LateGrant, shape_faults
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import AWAY, HttpError, LoginRefused, Refusal, Unreachable
from providers.base.connections import CONNECTION, Server
from providers.base.messages import failure
from providers.base.provider import KeycloakProvider, Props
from providers.base.resource import KeycloakResource, Text
from providers.base.uuids import is_known
from providers.checks.late import NOT_KNOWN, judge_late, not_judged

PASSED = ("preview", "mappers", "agreed")  # inputs that no state holds
Names = Mapping[str, pulumi.Input[str]]


class GrantCheckProvider(KeycloakProvider):
    """Judges at each check; it has nothing to read or to delete."""

    OBJECT = "check of grant"
    INPUTS = ("realm", "grant", "fields", "names", "ids", "coming", "uuids", "facts", "scope", *PASSED)
    REPLACE_ON = ("realm",)
    CLIENTS = {}

    def check(self, _olds: Props, news: Props) -> CheckResult:
        result = super().check(_olds, news)
        props = result.inputs
        passed = {key: props.pop(key, None) for key in PASSED}
        if result.failures or not is_known([props["fields"], props["coming"]]):
            return result
        names, ids = (_known(props[key]) for key in ("names", "ids"))
        late = LateGrant(props["fields"], {**names, **_known({REALM: props["realm"]})}, frozenset(props["coming"]))
        if not is_known(props.get(CONNECTION)):
            not_judged(late, NOT_KNOWN).tell()
            return result
        mappers = [(str(a), str(b), str(c), str(d)) for a, b, c, d in passed["mappers"] or ()]
        writes = not passed["preview"] and is_known([props["realm"], props["names"], props["ids"]])
        connection, was = self.realm(props).session.connection, _olds.get("uuids") or {}
        try:
            judged = judge_late(connection, late, ids, mappers, was, before_writes=writes)
        except (Unreachable, HttpError, LoginRefused) as problem:
            if writes or CONNECTION not in late.coming or getattr(problem, "status", AWAY[0]) not in AWAY:
                raise
            judged = not_judged(late, f"the Keycloak of its connection cannot be asked yet ({problem.clause})")
        if judged.faults:
            return CheckResult(props, [failure(fault) for fault in judged.faults])
        judged.tell()
        return CheckResult({**props, **judged.derived()}, [])

    def refusals(self, props: Props) -> Iterator[str]:
        given = {field: props.get(field) for field in ("fields", "names", "ids")}
        yield from shape_faults({field: each for field, each in given.items() if not isinstance(each, Unknown)})

    def _forget(self, olds: Props, props: Props, older_than: float) -> None:
        if props.get("preview"):
            return  # nobody writes in this run, so what was read ahead is believed
        held = [each.get("names") for each in (olds, props)]
        named = [name for each in held if isinstance(each, Mapping) for name in each.values()]
        self.realm(props).forget({name for name in named if isinstance(name, str)}, older_than)

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        self._require_all(props)
        return f"{realm.name}/{props['grant']}/check", {}

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        self._require_all(news)
        return {}

    def fetch(self, realm: Realm, id_: str, props: Props) -> Props | None:
        return {}  # what it found is what its inputs say

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        """Nothing stays of a check."""

    def _require_all(self, props: Props) -> None:
        if not props.get("uuids"):
            raise Refusal(
                f"{self._named(props)}: some of its clients did not exist when it was checked; run `pulumi up` again."
            )


def _known(names: Any) -> dict[str, str]:
    return {} if isinstance(names, Unknown) else {key: name for key, name in names.items() if is_known(name)}


class GrantCheck(KeycloakResource, module="keycloak", name="GrantCheck"):
    """Refuses a grant before its first write.

    :param grant: its name. fields: its settings, symbols in place of names. names: by symbol, client ids and roles.
    :param ids: by symbol, UUIDs of clients that are known as resources. coming: symbols of what the same run may make.
    :param preview: whether nothing is written. mappers: of the stack's state. agreed: that no other grant speaks against it.
    """

    READS_ANEW = True
    uuids: pulumi.Output[Mapping[str, str]]
    facts: pulumi.Output[Mapping[str, Any]]
    takes_away: pulumi.Output[Mapping[str, Sequence[str]]]
    scope: pulumi.Output[Mapping[str, Any]]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        grant: str,
        fields: Mapping[str, Any],
        names: Names,
        ids: Names,
        coming: Sequence[str],
        owner: str,
        preview: bool | None = None,
        mappers: pulumi.Input[Any] | None = None,
        agreed: pulumi.Input[bool] | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(GrantCheckProvider(), resource_name, locals(), opts)
