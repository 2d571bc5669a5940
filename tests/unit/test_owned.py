"""Objects that one owner holds: made, continued, used as found, adopted or refused; and given back field by field."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from kcadmin.authz.scopes_and_permissions import scope_kind
from kcadmin.marks.ownership import hash16, marked
from kcadmin.objects.claims import Claim, adopted_kind, claim_key
from kcadmin.rest.errors import Conflict, Refusal
from providers.audience_mapper import AudienceMapperProvider
from providers.authorization_scope import AuthorizationScopeProvider
from providers.base.provider import LOST, KeycloakProvider, Props
from providers.client_policy import ClientPolicyProvider
from tests.support.engine import Engine, forget
from tests.support.fake_server import SERVICES, Answer, FakeKeycloak, Request
from tests.support.resources import RESOURCES

OURS, THEIRS = "org/project/stack#test", "org/project/other#test"
RESOURCE_SERVER = {SERVICES: True, "serviceAccountsEnabled": True}


@dataclass(frozen=True)
class Kind:
    """An object: what is asked for, one difference by input and by stored field, and where it is stored."""

    provider: type[KeycloakProvider]
    args: Props
    other: Props
    stored: str
    other_stored: Any

    def __str__(self) -> str:
        return self.provider.OBJECT


KINDS = [
    Kind(provider, each.owned.args, each.owned.other, each.owned.stored, each.owned.other_stored)
    for provider, each in RESOURCES.items()
    if each.owned
]
MAPPER, POLICY, SCOPE = (
    next(each for each in KINDS if each.provider is provider)
    for provider in (AudienceMapperProvider, ClientPolicyProvider, AuthorizationScopeProvider)
)
PROSE = {"display_name": ("displayName", "iconUri"), "description": ("description",)}
"""Inputs that may be empty, with what the server then stores empty or leaves out."""
DESCRIBED = [each for each in KINDS if {*PROSE} & {*each.provider.INPUTS}]


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", api=RESOURCE_SERVER, frontend={})
    server.server("api")["scopes"]["s"] = {"id": "s", "name": "s", "displayName": "", "iconUri": ""}
    return server


class Life:
    """One kind in one realm, as one owner sees it."""

    def __init__(self, keycloak: FakeKeycloak, kind: Kind, owner: str = OURS) -> None:
        self.keycloak, self.kind, self.owner = keycloak, kind, owner
        self.engine = Engine(kind.provider, keycloak.connection)

    def up(self, **args: Any) -> str:
        forget()
        return self.engine.up(**{"realm": "r", **self.kind.args, "owner": self.owner, **args})

    @property
    def found(self) -> str:
        return str(self.engine.outputs["found"])

    def objects(self) -> list[dict[str, Any]]:
        """What the server holds under the name."""
        everything = [
            *self.keycloak.client("api")["protocolMappers"],
            *self.keycloak.server("api")["policies"].values(),
            *self.keycloak.server("api")["scopes"].values(),
        ]
        return [each for each in everything if each["name"] in ("n", "renamed")]

    def value(self) -> Any:
        """The stored field that differs."""
        (only,) = self.objects()
        return (
            only["config"].get(self.kind.stored.removeprefix("config."))
            if self.kind.stored.startswith("config.")
            else only.get(self.kind.stored)
        )

    def unmark(self) -> None:
        """Makes the object an unmanaged one."""
        (only,) = self.objects()
        if "config" in only:
            only["config"] = {key: value for key, value in only["config"].items() if not key.startswith("pulumi.")}
        if "description" in only:
            only["description"] = only["description"].rsplit("[pulumi:", 1)[0].rstrip()
        attributes = self.keycloak.client("api")["attributes"]
        self.keycloak.client("api")["attributes"] = {
            key: value for key, value in attributes.items() if not key.startswith("pulumi.")
        }


@pytest.fixture
def life(keycloak: FakeKeycloak, kind: Kind) -> Life:
    return Life(keycloak, kind)


def strangers(keycloak: FakeKeycloak, kind: Kind, **args: Any) -> Life:
    """A life that somebody without our tools has begun."""
    maker = Life(keycloak, kind)
    maker.up(**args)
    maker.unmark()
    forget()
    return Life(keycloak, kind)


def test_made_and_deleted(life: Life) -> None:
    before = life.keycloak.state()
    assert life.up() == "create" and life.found == "created" and len(life.objects()) == 1
    assert life.up() == "same" and life.engine.refresh() and life.up() == "same"
    life.engine.destroy()
    assert life.keycloak.state() == before


def test_it_bears_our_mark_from_the_first_request_on(life: Life) -> None:
    life.up()
    text = str(life.keycloak.state())
    assert OURS in text or hash16(OURS) in text
    post = next(at for at, each in enumerate(life.keycloak.requests) if each.method == "POST" and "admin" in each.path)
    marks = [
        each for each in life.keycloak.requests[: post + 1] if hash16(OURS) in str(each.body) or OURS in str(each.body)
    ]
    assert marks, "a run that is killed after the POST must find its object again"


def test_changed_in_place(life: Life) -> None:
    life.up()
    id_ = life.engine.id
    assert life.up(**life.kind.other) == "update" and life.engine.id == id_ and life.value() == life.kind.other_stored
    assert life.engine.refresh() and life.up(**life.kind.other) == "same"


def test_ours_is_continued_after_a_kill(life: Life) -> None:
    before = life.keycloak.state()
    life.up()
    again = Life(life.keycloak, life.kind)
    assert again.up(**life.kind.other) == "create" and again.found == "created"
    assert again.engine.id == life.engine.id and again.value() == life.kind.other_stored
    again.engine.destroy()
    assert life.keycloak.state() == before


def test_an_unmanaged_one_as_wanted_is_used_and_left(keycloak: FakeKeycloak, kind: Kind) -> None:
    life = strangers(keycloak, kind)
    before = keycloak.state()
    assert life.up() == "create" and life.found == "used" and keycloak.state() == before
    assert life.engine.refresh() and life.up() == "same"
    life.engine.destroy()
    assert keycloak.state() == before


def test_an_unmanaged_one_that_was_used_is_never_changed(keycloak: FakeKeycloak, kind: Kind) -> None:
    life = strangers(keycloak, kind)
    life.up()
    before = keycloak.state()
    with pytest.raises(Refusal, match="differs"):
        life.up(**kind.other)  # a replacement: released, then refused as any unmanaged one that differs
    assert keycloak.state() == before


def test_revoke_deletes_what_was_used_too(keycloak: FakeKeycloak, kind: Kind) -> None:
    life = strangers(keycloak, kind)
    life.up(on_remove="revoke")
    life.engine.destroy()
    assert life.objects() == []


@pytest.mark.parametrize("kind", [each for each in KINDS if "keep" in each.provider.ON_REMOVE], ids=str)
def test_what_is_kept_bears_no_mark(life: Life) -> None:
    life.up(on_remove="keep")
    (made,) = life.objects()
    forget()
    life.engine.destroy()
    (kept,) = life.objects()
    assert kept["config"] == {key: each for key, each in made["config"].items() if not key.startswith("pulumi.")}
    assert "pulumi." not in str(life.keycloak.state())


def test_an_unmanaged_one_that_differs_is_refused_naming_each_field(keycloak: FakeKeycloak, kind: Kind) -> None:
    life = strangers(keycloak, kind, **kind.other)
    before = keycloak.state()
    with pytest.raises(Refusal) as caught:
        life.up()
    text, (field, value) = str(caught.value), next(iter(kind.other.items()))
    assert text.startswith(f"{kind.provider.OBJECT} 'n' in realm 'r': exists already and differs, ")
    assert f"{field} is '{value}' instead of '" in text and text.endswith("or set adopt to take it over.")
    assert keycloak.state() == before


def test_adopted_and_given_back(keycloak: FakeKeycloak, kind: Kind) -> None:
    life = strangers(keycloak, kind, **kind.other)
    before = keycloak.state()
    assert life.up(adopt=True) == "create" and life.found == "adopted" and life.value() != kind.other_stored
    assert life.engine.refresh() and life.up(adopt=True) == "same"
    life.engine.destroy()
    assert keycloak.state() == before


@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize("kind", DESCRIBED, ids=str)
def test_what_is_stored_empty_and_what_is_absent_are_given_back_so(
    keycloak: FakeKeycloak, kind: Kind, is_stored: bool
) -> None:
    life = strangers(keycloak, kind, **kind.other)
    (stored,) = life.objects()
    for field in (field for name in PROSE if name in kind.provider.INPUTS for field in PROSE[name]):
        stored.pop(field, None)
        if is_stored:
            stored[field] = ""
    before = keycloak.state()
    life.up(adopt=True)
    forget()
    life.engine.destroy()
    assert keycloak.state() == before


def test_given_back_from_the_state_when_the_claim_is_lost(keycloak: FakeKeycloak) -> None:
    life = strangers(keycloak, SCOPE, display_name="", icon_uri="")
    before = keycloak.state()
    life.up(adopt=True)
    keycloak.client("api")["attributes"] = {}
    forget()
    life.engine.destroy()
    assert keycloak.state() == before


def test_what_it_was_does_not_live_in_the_state_alone(keycloak: FakeKeycloak, kind: Kind) -> None:
    before = strangers(keycloak, kind, **kind.other).keycloak.state()
    Life(keycloak, kind).up(adopt=True)
    again = Life(keycloak, kind)  # the first one was killed before Pulumi wrote its state
    again.up(adopt=True)
    assert again.found == "adopted"
    again.engine.destroy()
    assert keycloak.state() == before


def test_an_adopted_object_keeps_what_others_changed_meanwhile(keycloak: FakeKeycloak) -> None:
    life = strangers(keycloak, POLICY, logic="NEGATIVE", description="old")
    life.up(adopt=True)
    (policy,) = life.objects()
    policy["logic"], policy["description"] = "POSITIVE", marked("changed by others", OURS)
    forget()
    life.engine.destroy()
    (policy,) = life.objects()
    assert (policy["logic"], policy["description"]) == ("NEGATIVE", "changed by others")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A minute passes in one process, which has looked at everything in its first one."""
    now = [100.0]
    monkeypatch.setattr("kcadmin.objects.clients.time.monotonic", lambda: now[0])
    forget()

    def passes() -> None:
        now[0] += 60

    yield passes
    forget()


def introspection(life: Life, value: str) -> None:
    """Somebody else changes a mapper."""
    (mapper,) = life.objects()
    mapper["config"] = {**mapper["config"], "introspection.token.claim": value}


def test_an_adopted_mapper_keeps_what_others_changed_since_the_first_read(
    keycloak: FakeKeycloak, later: Callable[[], None]
) -> None:
    life = strangers(keycloak, MAPPER, id_token=True)
    life.up(adopt=True)
    forget()
    life.engine.refresh()
    introspection(life, "false")
    later()
    life.engine.destroy()
    (mapper,) = life.objects()
    assert mapper["config"]["introspection.token.claim"] == "false"


def test_what_an_adopted_mapper_was_is_not_what_the_first_read_showed(
    keycloak: FakeKeycloak, later: Callable[[], None]
) -> None:
    life = strangers(keycloak, MAPPER, id_token=True)
    realm = life.engine._fresh().realm({"realm": "r"})
    assert realm.clients.find("api")
    introspection(life, "false")
    before = keycloak.state()
    later()
    life.engine.up(realm="r", **MAPPER.args, owner=OURS, adopt=True)
    life.engine.destroy()
    assert keycloak.state() == before


def test_what_an_adopted_legacy_policy_was_is_not_what_the_read_of_all_of_them_showed(
    keycloak: FakeKeycloak, later: Callable[[], None]
) -> None:
    """On a server that lets its own administration client bear the note."""
    kind = Kind(ClientPolicyProvider, {**POLICY.args, "resource_server": "realm-management"}, {}, "logic", "")
    policy = {"id": "p", "name": "n", "type": "client", "logic": "NEGATIVE", "decisionStrategy": "UNANIMOUS"}
    policies = keycloak.server("realm-management")["policies"]
    policies["p"] = {**policy, "clients": [keycloak.uuid("frontend")], "description": "old"}
    life = Life(keycloak, kind)
    realm = life.engine._fresh().realm({"realm": "r"})
    realm.clients.expect(10)
    assert realm.cached_permissions_server().policy_named("n")
    policies["p"]["description"] = "new"
    later()
    keycloak.interfere(Answer(204), at=f"^PUT .*/{keycloak.uuid('realm-management')}$")
    life.engine.up(realm="r", **kind.args, owner=OURS, adopt=True)
    (note,) = [each for each in keycloak.asked("^PUT") if each.path.endswith(keycloak.uuid("realm-management"))]
    assert '"description":"new"' in str(note.body)


def test_a_mapper_that_went_since_the_first_read_is_not_changed(
    keycloak: FakeKeycloak, later: Callable[[], None]
) -> None:
    life = Life(keycloak, MAPPER)
    life.up()
    keycloak.client("api")["protocolMappers"].clear()
    later()
    with pytest.raises(Refusal, match="is gone; run `pulumi refresh`"):
        life.engine._fresh().update(str(life.engine.id), life.engine.outputs, {**life.engine.inputs, **life.kind.other})


def test_the_claim_is_written_before_the_object(keycloak: FakeKeycloak, kind: Kind) -> None:
    life = strangers(keycloak, kind, **kind.other)
    life.keycloak.requests.clear()
    life.up(adopt=True)
    writes = [str(each) for each in life.keycloak.requests if each.method in ("PUT", "POST") and "admin" in each.path]
    assert writes[0] == f"PUT /admin/realms/r/clients/{keycloak.uuid('api')}" and len(writes) == 2


def test_a_scope_that_another_stack_made_since_the_first_read_is_never_taken(
    keycloak: FakeKeycloak, later: Callable[[], None]
) -> None:
    life = Life(keycloak, SCOPE)
    assert life.engine._fresh().realm({"realm": "r"}).clients.find("api")
    claim = Claim(THEIRS, scope_kind("n"), {}, {})
    keycloak.change("api", attributes={claim.key: claim.text()})
    keycloak.server("api")["scopes"]["x"] = {"id": "x", "name": "n", "displayName": "theirs"}
    later()
    with pytest.raises(Refusal, match=r"belongs to .*owner.*; choose another name"):
        life.engine.up(realm="r", **SCOPE.args, owner=OURS, adopt=True)


@pytest.mark.parametrize("adopt", [False, True])
@pytest.mark.parametrize("differs", [False, True])
def test_another_stacks_is_never_taken(keycloak: FakeKeycloak, kind: Kind, adopt: bool, differs: bool) -> None:
    Life(keycloak, kind, THEIRS).up()
    before = keycloak.state()
    life = Life(keycloak, kind)
    with pytest.raises(Refusal, match=r"belongs to .*owner.*; choose another name"):
        life.up(adopt=adopt, **(kind.other if differs else {}))
    assert keycloak.state() == before


def test_what_this_stack_made_as_another_owner_is_not_told_as_anothers(keycloak: FakeKeycloak, kind: Kind) -> None:
    """Where its state is lost, and where a resource of the package is replaced, whose state no call tells."""
    here = {"stack": "organization/project/dev@0a1b"}
    Life(keycloak, kind, THEIRS).up(**here)
    with pytest.raises(
        Refusal, match=r"; this stack made it under that owner, so run `pulumi up` without `--replace`, or "
    ):
        Life(keycloak, kind).up(**here)


def test_a_former_owners_object_is_not_taken_by_a_replacement(keycloak: FakeKeycloak, kind: Kind) -> None:
    """The state has the object under its former owner, to whom no other command helps than a run without ``--replace``."""
    former = Life(keycloak, kind, "former#test")
    former.up()
    before, number = keycloak.state(), former.engine.outputs["number"]
    if kind is MAPPER:  # without a name, another one is made beside
        return
    with pytest.raises(
        Refusal, match=r": is replaced in the same run as its owner changes; run `pulumi up` without `--"
    ):
        Life(keycloak, kind).up(held=[number])
    assert keycloak.state() == before
    former.owner = OURS
    former.up()
    assert former.engine.outputs["number"] == number and "held" not in former.engine.outputs


def test_a_renamed_owner_takes_its_marks_along(keycloak: FakeKeycloak, kind: Kind) -> None:
    life = strangers(keycloak, kind, **kind.other)
    before = keycloak.state()
    life.up(adopt=True)
    assert life.up(adopt=True, owner="org/project/new#test") == "update" and life.found == "adopted"
    assert OURS not in str(keycloak.state()) and hash16(OURS) not in str(keycloak.state())
    assert claim_key(OURS, f"adopted:{life.engine.id}") not in keycloak.client("api")["attributes"]
    assert life.engine.refresh() and life.up(adopt=True, owner="org/project/new#test") == "same"
    life.engine.destroy()
    assert keycloak.state() == before


def test_a_lost_mark_is_shown_and_made_again(life: Life) -> None:
    life.up()
    life.unmark()
    forget()
    assert life.engine.refresh() and life.engine.outputs[LOST] and life.engine.inputs[LOST]
    assert life.up() == "update" and LOST not in life.engine.inputs
    assert life.engine.refresh() and LOST not in {**life.engine.inputs, **life.engine.outputs}


def gone(life: Life) -> None:
    life.keycloak.client("api")["protocolMappers"].clear()
    for objects in life.keycloak.server("api").values():
        for id_ in [id_ for id_, each in objects.items() if each["name"] == "n"]:
            del objects[id_]
    forget()


@pytest.mark.parametrize("change", [False, True])
def test_an_object_that_is_gone_is_made_again(life: Life, change: bool) -> None:
    life.up()
    gone(life)
    assert life.up(**life.kind.other if change else {}) == "replace"
    assert len(life.objects()) == 1
    assert life.up(**life.kind.other if change else {}) == "same"


def test_an_object_that_goes_after_the_diff_is_not_changed(life: Life) -> None:
    life.up()
    gone(life)
    engine = life.engine
    with pytest.raises(Refusal, match="is gone; run `pulumi refresh`"):
        engine._fresh().update(str(engine.id), engine.outputs, {**engine.inputs, **life.kind.other})
    engine.destroy()
    assert life.objects() == []


def test_a_name_that_was_taken_at_the_last_moment_is_a_conflict(keycloak: FakeKeycloak) -> None:
    life = Life(keycloak, POLICY)
    keycloak.interfere(Answer(409, {"error": "Policy with name [n] already exists"}), at="^POST .*/policy/client")
    with pytest.raises(Conflict, match="already exists"):
        life.up()


@pytest.mark.parametrize("kind", KINDS[:2], ids=str)
def test_what_somebody_made_at_the_last_moment_is_used(keycloak: FakeKeycloak, kind: Kind) -> None:
    life = strangers(keycloak, kind)
    before = keycloak.state()
    mappers, policies = keycloak.client("api")["protocolMappers"], keycloak.server("api")["policies"]
    there = mappers.copy(), policies.copy()

    def is_made(_: Request) -> None:
        mappers.extend(there[0])
        policies.update(there[1])

    mappers.clear()
    policies.clear()
    keycloak.interfere(is_made, at="^POST .*/(models|policy/client)$")
    assert life.up() == "create" and life.found == "used" and keycloak.state() == before


def test_a_client_that_nobody_may_change_cannot_bear_a_claim(keycloak: FakeKeycloak) -> None:
    kind = Kind(ClientPolicyProvider, {**POLICY.args, "resource_server": "realm-management"}, {}, "logic", "")
    keycloak.server("realm-management")["policies"]["p"] = {
        "id": "p",
        "name": "n",
        "type": "client",
        "clients": [],
        "logic": "NEGATIVE",
        "description": "",
    }
    before = keycloak.state()
    with pytest.raises(Refusal, match="cannot be adopted, since Keycloak refuses the note"):
        Life(keycloak, kind).up(adopt=True)
    assert keycloak.state() == before


def test_a_policy_of_another_type_under_the_name_is_refused(keycloak: FakeKeycloak) -> None:
    keycloak.server("api")["policies"]["p"] = {"id": "p", "name": "n", "type": "role", "logic": "POSITIVE"}
    for kind in (POLICY, KINDS[2]):
        with pytest.raises(Refusal, match="a policy of type role"):
            Life(keycloak, kind).up()


# Mappers of a grant: the audience says which one it is

GRANTS = Kind(AudienceMapperProvider, {"client_id": "api", "included_client": "frontend"}, {}, "", "")


@pytest.mark.parametrize(
    ("name", "config", "found", "mappers"),
    [
        ("anything", {"access.token.claim": "true"}, "used", 1),
        ("anything", {"access.token.claim": "true", "id.token.claim": "true"}, "created", 2),
        ("anything", {"access.token.claim": "false"}, "created", 2),
        ("anything", {"access.token.claim": "true", "pulumi.owner": THEIRS}, "created", 2),
        ("anything", {"access.token.claim": "true", "pulumi.owner": OURS}, "created", 1),
    ],
    ids=["as wanted", "differs", "not in access tokens", "another stack's", "ours"],
)
def test_a_grant_makes_its_mapper_beside_an_unmanaged_one_that_differs(
    keycloak: FakeKeycloak, name: str, config: dict[str, str], found: str, mappers: int
) -> None:
    keycloak.client("api")["protocolMappers"].append(
        {
            "id": "1",
            "name": name,
            "protocolMapper": "oidc-audience-mapper",
            "protocol": "openid-connect",
            "config": {"included.client.audience": "frontend", "introspection.token.claim": "true", **config},
        }
    )
    before = keycloak.state()
    life = Life(keycloak, GRANTS)
    life.up()
    assert life.found == found and len(keycloak.client("api")["protocolMappers"]) == mappers
    assert life.engine.refresh() and life.up() == "same"
    life.engine.destroy()
    if OURS not in config.values():
        assert keycloak.state() == before


def test_a_claim_of_another_kind_is_not_taken_for_what_it_was(keycloak: FakeKeycloak) -> None:
    life = strangers(keycloak, POLICY, logic="NEGATIVE")
    other = Claim(OURS, adopted_kind("another-id"), {}, {"logic": "X"})
    keycloak.change("api", attributes={other.key: other.text()})
    life.up(adopt=True)
    life.engine.destroy()
    assert life.value() == "NEGATIVE" and other.key in keycloak.client("api")["attributes"]


def copied(life: Life, owner: str, **inputs: Any) -> Life:
    """Another resource, or stack, with the same state."""
    other = Life(life.keycloak, life.kind, owner)
    other.engine.id, other.engine.inputs = life.engine.id, dict(life.engine.inputs)
    other.engine.outputs = {**life.engine.outputs, **inputs}
    return other


@pytest.mark.parametrize("found", ["created", "adopted", "revoked"])
def test_what_goes_on_is_left_by_any_later_delete(keycloak: FakeKeycloak, kind: Kind, found: str) -> None:
    how: dict[str, Any] = {"on_remove": "revoke"} if found == "revoked" else {"adopt": found == "adopted"}
    if found != "created":
        strangers(keycloak, kind, **({} if found == "revoked" else kind.other))
    before = keycloak.state()
    old, new = Life(keycloak, kind), Life(keycloak, kind)
    old.up(**how)
    new.up(**how)  # under another name in the stack
    again = copied(old, OURS)
    assert again.engine.refresh()
    for late in (old, again):  # in whatever process, after a refresh, too
        forget()
        late.engine.destroy()
        assert len(objects := new.objects()) == 1, objects
        assert new.up(**how) == "same"
    new.engine.destroy()
    assert keycloak.state() == before if found != "revoked" else not new.objects()


def test_of_two_in_a_state_the_one_that_the_program_names_takes_it_back(keycloak: FakeKeycloak, kind: Kind) -> None:
    old, new = Life(keycloak, kind), Life(keycloak, kind)
    old.up()
    new.up()
    assert old.up() == "update" and old.up() == "same"  # the rename is undone
    new.engine.destroy()
    assert old.up() == "same" and len(old.objects()) == 1


def test_a_copied_state_is_the_stacks_that_wrote_last(keycloak: FakeKeycloak, kind: Kind) -> None:
    one = Life(keycloak, kind)
    one.up(stack="o/p/one")
    two = copied(one, "o/p/two#x")
    assert two.up(stack="o/p/two") == "update" and two.up(stack="o/p/two") == "same"
    if kind.provider is AuthorizationScopeProvider:  # a claim of each owner
        return
    with pytest.raises(Refusal, match=r"belongs to .* now; take it out of this stack"):
        one.up(stack="o/p/one")
    one.engine.destroy()
    assert two.up(stack="o/p/two") == "same" and len(two.objects()) == 1


def test_a_state_of_an_earlier_version_goes_on(keycloak: FakeKeycloak, kind: Kind) -> None:
    life = Life(keycloak, kind)
    life.up()
    del life.engine.outputs["number"]
    for each in life.objects():
        for key in ("pulumi.number", "pulumi.stack"):
            each.get("config", {}).pop(key, None)
        if "description" in each:
            each["description"] = re.sub(r"\.[0-9a-f]{12}\.[0-9a-f]{8}\]$", "]", each["description"])
    attributes = keycloak.client("api")["attributes"]
    for key, text in attributes.items():
        attributes[key] = re.sub(r'"number":"[0-9a-f]{8}",', "", text)
    assert life.up(stack="o/p/s") == "same"
    assert life.up(stack="o/p/s", **kind.other) == "update" and life.engine.outputs["number"]
    assert life.up(stack="o/p/s", **kind.other) == "same"
    life.engine.destroy()
    assert not life.objects()
