"""Grants whose clients come in the same run: what the program registers and refuses, and what their check says."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from components.token_exchange_grant import TokenExchangeGrant
from grants.late import LateGrant
from grants.plan import scope_name
from kcadmin.rest.connection import Connection
from providers.base.provider import Props
from providers.checks.late import own_of
from providers.grant_check import GrantCheckProvider
from providers.management_permissions import ManagementPermissions
from reach.facts import Own
from tests.support.fake_server import FakeKeycloak
from tests.unit.test_components import BINDING, GRANT, MANAGEMENT, MAPPER, OWNER, POLICY, PROOF, SWITCH, Program
from tests.unit.test_components import keycloak as keycloak
from tests.unit.test_components import program as program

CHECK = "pulumi-python:dynamic/keycloak:GrantCheck"


class Theirs(pulumi.CustomResource):
    """A client of another provider."""

    client_id: pulumi.Output[str]

    def __init__(self, name: str, client_id: str | None = None) -> None:
        super().__init__("keycloak:openid/client:Client", name, {"client_id": client_id} if client_id else {})


def out(value: Any) -> Any:
    return pulumi.Output.from_input(value)


def test_only_texts_take_the_path_of_planned_grants(program: Program) -> None:
    program.run(lambda: TokenExchangeGrant("g", sources={"web": "frontend"}, target="api"))
    assert program.names(CHECK) == [] and "r/frontend/audience-api" in program.resources


def test_parts_are_the_grants_own_and_wait_for_its_check(program: Program) -> None:
    program.run(
        lambda: TokenExchangeGrant("g", sources={"web": out("frontend")}, target=out("api"), flows=["requester"])
    )
    assert program.names(CHECK) == ["g/check"] and program.names(GRANT) == ["g"]
    assert program.names(MAPPER) == ["g/web/audience-target"] and program.names(SWITCH) == ["g/web/standard-exchange"]
    parts = [program.resources[name] for name in (*program.names(MAPPER), *program.names(SWITCH))]
    assert all(each.parent == "g" and "g/check" in each.depends_on for each in parts)
    mapper, switch = parts
    assert program.resources["g/check"].inputs["fields"] == {
        "name": "g",
        "owner": OWNER,
        "sources": ["web"],
        "target": "target",
        "flows": ["requester"],
        "exchange": "standard",
    }
    assert "g/web/audience-target" in switch.depends_on
    assert (mapper.inputs["client_id"], mapper.inputs["included_client"]) == ("frontend", "api")
    assert mapper.inputs["owner"] == "acme/keycloak-token-exchange/dev#g"
    assert not mapper.inputs.get("after_others") and program.resources["g/check"].inputs["after_others"]


def test_legacy_parts_and_proofs(program: Program, keycloak: FakeKeycloak) -> None:
    program.run(
        lambda: TokenExchangeGrant(
            "g", sources=[out("frontend")], target=out("api"), flows=["requester"], exchange="legacy", prove=True
        )
    )
    assert program.names(MANAGEMENT) == ["g/target/management-permissions"]
    assert program.names(POLICY) == ["g/target/g-requesters"] and program.names(BINDING) == ["g/target/g-permission"]
    assert program.names(PROOF) == ["g/g/proof-requester-source-1"]
    assert program.resources["g/target/g-requesters"].inputs["clients"] == ["frontend"]
    assert program.resources["g/target/g-requesters"].inputs["resource_server"] == "realm-management"


@pytest.mark.parametrize("had", ["legacy", "standard"])
def test_auto_is_the_exchange_that_the_grant_had(program: Program, had: str) -> None:
    program.state = {f"urn:pulumi:dev::p::{GRANT}::g": {"type": GRANT, "outputs": {"exchange": had}}}
    program.run(lambda: TokenExchangeGrant("g", sources=[out("frontend")], target=out("api"), flows=["requester"]))
    assert bool(program.names(POLICY)) == (had == "legacy") and bool(program.names(SWITCH)) == (had == "standard")


SCOPE = "pulumi-python:dynamic/keycloak:AudienceScope"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("g-api-0123abcd", "g-api-0123abcd"),
        ("g-other-0123abcd", "g-api-750b2748"),  # of another target
        ("g-api-750b2748", "g-api-750b2748"),
    ],
)
def test_a_scope_keeps_the_name_that_callers_ask_for(program: Program, name: str, kept: str) -> None:
    """Which it was given under a former owner. The check takes the same for the grant's own."""
    made = {"name": name, "realm": "r", "included_client": "api", "owner": "former#g", "number": "1"}
    program.state = {f"urn:pulumi:dev::p::{SCOPE}::g/target/g/scope": {"type": SCOPE, "outputs": made}}
    asks: dict[str, Any] = {"flows": ["requester"], "audience": "optionalScope"}
    program.run(lambda: TokenExchangeGrant("g", sources=[out("frontend")], target=out("api"), **asks))
    assert program.resources["g/target/g/scope"].inputs["name"] == kept
    told = program.resources["g/check"].inputs["own"]
    assert own_of(told) == Own(owners=frozenset({"former"}), scopes=frozenset({("r", name)}))
    fields = program.resources["g/check"].inputs["fields"]
    assert fields.get("kept_scope", kept) == name or name.startswith("g-other")
    spec, faults = LateGrant(fields, {"realm": "r", "source-1": "frontend", "target": "api"}).spec()
    assert spec and scope_name(spec) == kept and not faults


@pytest.mark.parametrize("target", ["api", out("api")], ids=["planned", "late"])
def test_a_feature_that_is_off_moves_no_grant(program: Program, keycloak: FakeKeycloak, target: Any) -> None:
    program.state = {f"urn:pulumi:dev::p::{GRANT}::g": {"type": GRANT, "outputs": {"exchange": "legacy"}}}
    keycloak.features = ("TOKEN_EXCHANGE_STANDARD_V2",)
    with pytest.raises(
        pulumi.RunError, match=r"no legacy exchange, by which this grant was made; .* exchange: standard to move"
    ):
        program.run(lambda: TokenExchangeGrant("g", sources=["frontend"], target=target, flows=["requester"]))
    assert not program.resources


def test_a_resource_gives_its_name_and_its_uuid(program: Program) -> None:
    program.run(lambda: TokenExchangeGrant("g", sources=["frontend"], target=Theirs("theirs", "api")))
    assert program.resources["g/check"].inputs["ids"] == {"target": "id of theirs"}
    assert program.resources["g/check"].inputs["coming"] == ["target"]
    assert program.resources["g/target/audience-target"].inputs["client_uuid"] == "id of theirs"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"sources": out(["frontend"])}, "sources is a single output; give a list of outputs"),
        ({"required_roles": out(["clerk"])}, "required_roles is a single output; give a list of outputs"),
        ({"required_roles": "clerk"}, "required_roles is 'clerk'; give a list"),
        ({"sources": {"target": out("frontend")}}, "sources has the key 'target'; give a short name"),
        ({"migration": "both"}, "sets migration, which needs to know the clients before the run"),
        ({"sources": [out("frontend"), 5]}, "source-2 is 5; give a text, an output, or a resource with client_id"),
        ({"flows": ["sideways"]}, "flows holds 'sideways'; choose from recipient, requester"),
        ({"sources": ["nobody"]}, "client 'nobody' does not exist; create it, or correct the name"),
        ({"exchange": "standard", "time_window": {"start": "08:00", "end": "18:00"}}, "sets timeWindow"),
    ],
)
def test_what_is_known_is_refused_before_anything_is_registered(
    program: Program, arguments: Mapping[str, Any], told: str
) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        program.run(lambda: TokenExchangeGrant("g", **{"sources": ["frontend"], "target": out("api"), **arguments}))
    assert str(caught.value).startswith("grant 'g' in realm 'r': ") and told in str(caught.value)
    assert program.resources == {} and caught.value.__suppress_context__


def test_a_resource_without_a_client_id(program: Program) -> None:
    with pytest.raises(
        pulumi.RunError, match="in realm 'r': target is a resource without client_id; give the client id"
    ):
        program.run(
            lambda: TokenExchangeGrant(
                "g", sources=["frontend"], target=ManagementPermissionsAlone("m", realm="r", client_id="api")
            )
        )


@pytest.mark.parametrize(
    ("place", "told"), [("realm", "realm is a resource; give the realm's"), ("required_roles", "role-1 is a resource")]
)
def test_a_resource_that_is_no_client(program: Program, place: str, told: str) -> None:
    """A role of pulumi-keycloak has a ``client_id``, too: the UUID of its client."""

    def run() -> None:
        given = Theirs("theirs", "frontend")
        TokenExchangeGrant(
            "g", sources=["frontend"], target="api", **{place: [given] if place == "required_roles" else given}
        )

    with pytest.raises(pulumi.RunError, match=f"in realm '.': {told}"):
        program.run(run)


@pytest.mark.parametrize("given", [{"target": out(None)}, {"target": "api", "sources": [out(None)]}])
def test_an_output_without_a_value(program: Program, given: Mapping[str, Any]) -> None:
    """As a stack reference gives it, where the other stack exports no such name."""
    with pytest.raises(
        pulumi.RunError, match=r"^grant 'g' in realm 'r': (target|source-1) is an output without a value; "
    ):
        program.run(lambda: TokenExchangeGrant("g", **{"sources": ["frontend"], **given}))


def test_a_role_of_the_target_when_neither_is_known(program: Program) -> None:
    role = {"role": out("clerk"), "client": out("api")}
    program.run(lambda: TokenExchangeGrant("g", sources=["frontend"], target=out("api"), required_roles=[role]))
    assert program.resources["g/check"].inputs["names"]["client-of-role-1"] == "api"


class ManagementPermissionsAlone(pulumi.ComponentResource):
    def __init__(self, name: str, **arguments: Any) -> None:
        super().__init__("tests:index:Alone", name)
        ManagementPermissions(f"{name}-permissions", **arguments)


def test_names_that_the_grant_waits_for(program: Program) -> None:
    program.run(
        lambda: TokenExchangeGrant(
            "g", sources=["nobody"], target="api", opts=pulumi.ResourceOptions(depends_on=[Theirs("theirs")])
        )
    )
    check = program.resources["g/check"]
    assert check.inputs["coming"] == ["realm", "source-1", "target"] and "theirs" in check.depends_on


def test_two_grants_that_contradict_one_another(program: Program) -> None:
    def both() -> None:
        TokenExchangeGrant("g", sources=["frontend"], target="api")
        TokenExchangeGrant("h", sources=["frontend"], target=out("api"), on_remove="revoke")

    with pytest.raises(
        Exception, match="wants onRemove revoke for client 'api', grant 'g' wants restore; agree on one"
    ):
        program.run(both)
    assert "h/check" not in program.resources


# The check


def checked(keycloak: FakeKeycloak, said: list[str] | None = None, **changes: Any) -> tuple[Props, list[str]]:
    fields = {"name": "g", "owner": "o", "sources": ["source-1"], "target": "target", "exchange": "standard"}
    props = {
        "realm": "r",
        "grant": "g",
        "owner": "o#g",
        "fields": {**fields, **changes.pop("fields", {})},
        "names": {"source-1": "frontend", "target": "api"},
        "ids": {},
        "coming": ["source-1", "target"],
        "after_others": True,
        **changes,
    }
    found = GrantCheckProvider().use(connection_of(keycloak)).check({}, props)
    return found.inputs, [each.reason for each in found.failures]


def connection_of(keycloak: FakeKeycloak) -> Connection:
    return keycloak.connection


def test_what_is_there_is_judged_and_noted(program: Program, keycloak: FakeKeycloak) -> None:
    props, faults = checked(keycloak, preview=True)
    assert not faults and set(props["uuids"]) == {"source-1", "target"}
    assert not {"preview", "own", "agreed", "after_others"} & set(props)
    assert "INFO: g: frontend → api, standard, recipient" in program.said


def test_what_comes_is_let_through_in_a_preview_alone(program: Program, keycloak: FakeKeycloak) -> None:
    names = {"source-1": "frontend", "target": "later"}
    props, faults = checked(keycloak, names=names, preview=True)
    assert not faults and "uuids" not in props
    assert any("'later' does not exist yet. The rest is checked by `pulumi up`" in each for each in program.said)
    _, faults = checked(keycloak, names=names)
    assert faults == ["grant 'g' in realm 'r': client 'later' does not exist; create it, or correct the name."]
    _, faults = checked(keycloak, names=names, coming=["source-1"], preview=True)
    assert len(faults) == 1


def test_names_that_are_not_known_yet(program: Program, keycloak: FakeKeycloak) -> None:
    unknown = pulumi.output.UNKNOWN
    for names, realm in (
        ({"source-1": "frontend", "target": unknown}, "r"),
        ({"source-1": unknown, "target": unknown}, unknown),
    ):
        _, faults = checked(keycloak, names=names, realm=realm, preview=True)
        assert not faults
    assert "INFO: g: frontend → <target>, standard, recipient" in program.said
    assert any("the names of '<realm>', '<source-1>' and '<target>' are not known yet" in each for each in program.said)
    names = {"source-1": "nobody", "target": unknown}
    _, faults = checked(keycloak, names=names, coming=["target"], preview=True)
    assert len(faults) == 1 and "client 'nobody' does not exist" in faults[0]


def test_what_the_run_may_still_change_is_told_and_refused_before_the_writes(
    program: Program, keycloak: FakeKeycloak
) -> None:
    keycloak.change("api", publicClient=True)
    _, faults = checked(keycloak, preview=True)
    assert not faults
    assert any(
        "as it is now, grant 'g' in realm 'r': requester 'api' is a public client" in each for each in program.said
    )
    _, faults = checked(keycloak)
    assert len(faults) == 1 and "requester 'api' is a public client; make it confidential" in faults[0]
    _, faults = checked(keycloak, coming=["source-1"], preview=True)
    assert len(faults) == 1


def test_an_id_that_is_no_uuid_of_the_client(program: Program, keycloak: FakeKeycloak) -> None:
    _, faults = checked(keycloak, ids={"target": "r/api"})
    assert faults == [
        "grant 'g' in realm 'r': the resource given for client 'api' has the id 'r/api', which is not the client's UUID; "
        "give its client_id instead of the resource."
    ]


def test_source_and_target_are_one_client(program: Program, keycloak: FakeKeycloak) -> None:
    _, faults = checked(keycloak, names={"source-1": "api", "target": "api"}, preview=True)
    assert faults == ["grant 'g' in realm 'r': target 'api' is also a source; name two clients."]
