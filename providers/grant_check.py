"""The check of a grant whose clients come in the same run: before its mappers and switches, which depend on it.

A preview judges what is known by then, ``pulumi up`` the rest. Nothing is written to the realm.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult

from grants.late import REALM, LateGrant, shape_faults
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Refusal
from providers.base.messages import failure, info
from providers.base.provider import KeycloakProvider, Props
from providers.base.resource import KeycloakResource, Text
from providers.base.uuids import is_known
from providers.checks.judge import tell
from providers.checks.late import judge_late

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
        if result.failures:
            return result
        names = {REALM: props["realm"], **props["names"]}
        ids = {symbol: id_ for symbol, id_ in (props.get("ids") or {}).items() if is_known(id_)}
        late = LateGrant(
            props["fields"],
            {symbol: name for symbol, name in names.items() if is_known(name)},
            frozenset(props["coming"]),
        )
        mappers = [(str(a), str(b), str(c), str(d)) for a, b, c, d in passed["mappers"] or ()]
        was = _olds.get("uuids") or {}
        judged = judge_late(
            self.realm(props).session.connection, late, ids, mappers, was, before_writes=not passed["preview"]
        )
        if judged.faults:
            return CheckResult(props, [failure(fault) for fault in judged.faults])
        if judged.line:
            info(judged.line)
        tell(judged.notes)
        if judged.whole:
            judged.whole.tell()
        derived = {"uuids": judged.uuids, "facts": judged.facts, "takes_away": judged.takes_away, "scope": judged.scope}
        return CheckResult({**props, **{key: dict(value) for key, value in derived.items() if value is not None}}, [])

    def refusals(self, props: Props) -> Iterator[str]:
        yield from shape_faults({field: props.get(field) for field in ("fields", "names", "ids")})

    def _forget(self, olds: Props, props: Props, older_than: float) -> None:
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
                f"{self._named(props)}: its clients were not all there when it was checked; run `pulumi up` again."
            )


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
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(GrantCheckProvider(), resource_name, locals(), opts)
