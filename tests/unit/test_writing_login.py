"""Who writes, where client policies ask for it: by what the login may read, and else by what its own token says."""

from typing import Any

import pytest

from kcadmin.objects.writing_login import writing_login
from kcadmin.rest.connection import ClientSecretLogin, Connection
from kcadmin.rest.errors import Forbidden
from kcadmin.rest.session import Session
from kcadmin.writes.prediction import RealmPolicies, foretell_delete
from kcadmin.writes.votes import Vote, Write, WritingLogin, holds

USER = "/admin/realms/{realm}/users/u"


class Answering(Session):
    """Answers from a table; a path that is not in it is forbidden. asked: what was asked for."""

    def __init__(self, realm: str, answers: dict[str, Any], claims: dict[str, Any]) -> None:
        super().__init__(Connection("https://keycloak.example", ClientSecretLogin("robot", "s"), realm))
        self.answers, self.said, self.asked = answers, claims, list[str]()

    def get(self, at: str, **query: str) -> Any:
        self.asked.append(at)
        if at not in self.answers:
            raise Forbidden(403, "GET", at, "forbidden")
        return self.answers[at]

    def claims(self) -> dict[str, Any]:
        return self.said


def policies(condition: str, **config: Any) -> RealmPolicies:
    one = {"condition": condition, "configuration": config}
    return RealmPolicies([{"name": "p", "enabled": True, "conditions": [one], "profiles": []}])


ROLES = policies("client-updater-source-roles", roles=["ops", "api.admin"])
GROUPS = policies("client-updater-source-groups", groups=["ops"])
CLAIMS = {"sub": "u", "realm_access": {"roles": ["ops"]}, "resource_access": {"api": {"roles": ["user"]}}}


def said(policies: RealmPolicies, writer: WritingLogin) -> Vote:
    return holds(policies.policies[0], Write({"clientId": "c"}, {}, None, writer, (26, 7)))


def test_nothing_is_read_where_no_policy_asks() -> None:
    session = Answering("r", {}, CLAIMS)
    assert writing_login(session, "r", policies("any-client")) == WritingLogin()
    assert writing_login(session, "other", ROLES) == WritingLogin(None, frozenset(), False)
    assert not session.asked


def test_roles_that_may_be_read_decide() -> None:
    at = USER.format(realm="r")
    answers = {
        f"{at}/groups": [{"path": "/ops"}],
        f"{at}/role-mappings/realm/composite": [{"name": "dev"}],
        "/admin/realms/r/clients": [],
    }
    writer = writing_login(Answering("r", answers, CLAIMS), "r", ROLES)
    assert (writer.groups, writer.roles) == (frozenset({"/ops"}), frozenset())
    assert said(ROLES, writer) is Vote.NO and said(GROUPS, writer) is Vote.YES


@pytest.mark.parametrize(("asked", "vote"), [(["ops"], Vote.YES), (["api.user"], Vote.YES), (["dev"], Vote.UNKNOWN)])
def test_what_a_token_says_is_enough_for_yes_and_never_for_no(asked: list[str], vote: Vote) -> None:
    """A token may hold fewer roles than the account."""
    wanted = policies("client-updater-source-roles", roles=asked)
    writer = writing_login(Answering("r", {}, CLAIMS), "r", wanted)
    assert writer.roles is None and said(wanted, writer) is vote


def test_the_groups_of_another_realm_count_on_older_servers_alone() -> None:
    at = USER.format(realm="master")
    writer = writing_login(Answering("master", {f"{at}/groups": [{"path": "/ops"}]}, CLAIMS), "r", GROUPS)
    for version, vote in (
        (None, Vote.UNKNOWN),
        ((26, 5, 6), Vote.YES),
        ((26, 7, 4), Vote.YES),
        ((26, 7, 5), Vote.NO),
        ((26, 8, 0), Vote.NO),
    ):
        assert holds(GROUPS.policies[0], Write({"clientId": "c"}, {}, None, writer, version)) is vote, version


class Listing(Answering):
    """Has clients by name."""

    def get(self, at: str, **query: str) -> Any:
        found = super().get(at, **query)
        return [each for each in found if each["clientId"] == query["clientId"]] if "clientId" in query else found


def test_a_role_is_of_the_longest_client_name_that_exists() -> None:
    """As Keycloak reads ``client.role``, also where client, role and a role of the realm contain dots."""
    at = USER.format(realm="r")
    answers = {
        f"{at}/groups": [],
        f"{at}/role-mappings/realm/composite": [{"name": "ops.lead"}, {"name": "api.v1.lead"}],
        f"{at}/role-mappings/clients/1/composite": [{"name": "admin"}, {"name": "a.b"}],
        f"{at}/role-mappings/clients/2/composite": [{"name": "v1.lead"}],
        "/admin/realms/r/clients": [{"id": "1", "clientId": "api.v1"}, {"id": "2", "clientId": "api"}],
    }
    roles = ["api.v1.admin", "api.v1.a.b", "ops.lead", "api.v1.lead", "admin"]
    writer = writing_login(Listing("r", answers, CLAIMS), "r", policies("client-updater-source-roles", roles=roles))
    assert writer.roles == {"api.v1.admin", "api.v1.a.b", "ops.lead"}
    token = {
        "sub": "u",
        "realm_access": {"roles": ["api.v1.lead"]},
        "resource_access": {"api": {"roles": ["v1.admin", "user"]}},
    }
    assert writing_login(Answering("r", {}, token), "r", ROLES).among_roles == {"api.user"}


def test_a_robot_whose_token_does_not_say_who_it_is_cannot_be_judged() -> None:
    """Without the client scope ``basic`` a token has no ``sub``."""
    writer = writing_login(Answering("r", {}, {"realm_access": {"roles": ["ops"]}}), "r", ROLES)
    assert writer.roles is None and said(ROLES, writer) is Vote.YES and said(GROUPS, writer) is Vote.UNKNOWN


@pytest.mark.parametrize("condition", ["context", "source-roles", "source-groups", "source-host"])
def test_a_deletion_is_not_judged_by_who_deletes(condition: str) -> None:
    updater = {"condition": f"client-updater-{condition}", "configuration": {"is-negative-logic": True}}
    alone, beside = (
        {"name": "p", "enabled": True, "conditions": found, "profiles": ["no"]}
        for found in ([updater], [updater, {"condition": "any-client"}])
    )
    refuses = [{"name": "no", "executors": [{"executor": "reject-request"}]}]
    for policy, is_refused in ((alone, False), (beside, True)):
        foretold = foretell_delete(Write({"clientId": "c"}, {}), RealmPolicies([policy], refuses))
        assert bool(foretold.refused) is is_refused and not foretold.undecided
