"""The check of a grant whose clients come in the same run: before its mappers and switches, which depend on it.

A preview judges what is known by then, ``pulumi up`` the rest. Nothing is written to the realm.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi.output import Unknown

from grants.late import REALM, LateGrant, late_shape_faults
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import AWAY, HttpError, LoginRefused, Refusal, Unreachable
from providers.base.connections import CONNECTION, Server
from providers.base.hooks import Judged
from providers.base.passing import PassingProvider
from providers.base.props import KeycloakProps, Outputs, output, outputs
from providers.base.resource import Json, KeycloakResource, Text
from providers.base.uuids import is_known, known
from providers.checks.late import NOT_KNOWN, judge_late, not_judged, own_of

Names = Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class CheckProps(KeycloakProps):
    grant: str
    fields: Mapping[str, object]
    names: Mapping[str, str]
    ids: Mapping[str, str]
    coming: tuple[str, ...]
    uuids: Mapping[str, str] | None = None
    facts: Mapping[str, object] | None = None
    scope: Mapping[str, object] | None = None
    takes_away: Mapping[str, Sequence[str]] | None = output()
    preview: bool | None = None
    own: Mapping[str, Sequence[Sequence[str]]] | None = None
    agreed: bool | None = None

    @property
    def late(self) -> LateGrant:
        names = {**known(self.names), **known({REALM: self.realm})}
        return LateGrant(self.fields, names, frozenset(self.coming))


class GrantCheckProvider(PassingProvider):
    """Judges at each check; it has nothing to read or to delete."""

    OBJECT = "check of grant"
    PROPS = CheckProps
    PASSED = ("preview", "own", "agreed")
    NAMES = ("names",)
    REPLACE_ON = ("realm",)

    def judged(self, realm: Realm | None, olds: CheckProps | None, props: CheckProps) -> Judged:
        if not is_known([props.fields, props.coming]):
            return (), {}
        if realm is None:
            not_judged(props.late, NOT_KNOWN).tell()
            return (), {}
        own = own_of(props.own or {})
        writes = not props.preview and is_known([props.realm, props.names, props.ids])
        connection, was, ids = realm.session.connection, (olds and olds.uuids) or {}, known(props.ids)
        try:
            judged = judge_late(connection, props.late, ids, own, was, before_writes=writes)
        except (Unreachable, HttpError, LoginRefused) as problem:
            if writes or CONNECTION not in props.coming or getattr(problem, "status", AWAY[0]) not in AWAY:
                raise
            judged = not_judged(props.late, f"the Keycloak of its connection cannot be asked yet ({problem.clause})")
        if not judged.faults:
            judged.tell()
        return judged.faults, judged.derived()

    def refusals(self, props: CheckProps) -> Iterator[str]:
        given = outputs(fields=props.fields, names=props.names, ids=props.ids)
        yield from late_shape_faults({field: each for field, each in given.items() if not isinstance(each, Unknown)})

    def create_in(self, realm: Realm, props: CheckProps) -> tuple[str, Outputs]:
        return f"{realm.name}/{props.grant}/check", self.change(realm, "", props, props)

    def change(self, realm: Realm, id_: str, olds: CheckProps, news: CheckProps) -> Outputs:
        if not news.uuids:
            wrong = "some of its clients did not exist when it was checked; run `pulumi up` again"
            raise Refusal(f"{self.named(news)}: {wrong}.")
        return {}


class GrantCheck(KeycloakResource, module="keycloak", name="GrantCheck"):
    """Refuses a grant before its first write.

    :param grant: its name. fields: its settings, symbols in place of names. names: by symbol, client ids and roles.
    :param ids: by symbol, UUIDs of clients that are known as resources. coming: symbols of what the same run may make.
    :param preview: whether nothing is written. own: of the state, see ``own_of``. agreed: no other grant contradicts it.
    """

    READS_ANEW = True
    uuids: pulumi.Output[Mapping[str, str]]
    facts: pulumi.Output[Mapping[str, Json]]
    takes_away: pulumi.Output[Mapping[str, Sequence[str]]]
    scope: pulumi.Output[Mapping[str, Json]]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        grant: str,
        fields: Mapping[str, object],
        names: Names,
        ids: Names,
        coming: Sequence[str],
        owner: str,
        preview: bool | None = None,
        own: pulumi.Input[object] | None = None,
        agreed: pulumi.Input[bool] | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(GrantCheckProvider(), resource_name, locals(), opts)
