"""A stack's config: read whole, refused whole, with what a grant takes from its stack."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from components.settings import Settings, parse_settings, read_settings
from grants.listed import too_large
from grants.spec import GrantSpec
from kcadmin.rest.config_secrets import SECRETS
from kcadmin.rest.errors import InvalidSettings
from providers.audience_mapper import AudienceMapper
from providers.base.stack_config import KEYS, mistyped
from tests.support.examples import examples

PROJECT = Path(__file__).resolve().parents[2]
BASE = {"url": "https://keycloak.test", "adminPassword": "pw", "realm": "r", "grants": "[]"}
GRANT = {"name": "g", "sources": ["frontend"], "target": "api"}
STACK = "organization/keycloak-token-exchange/dev"


def parse(config: Mapping[str, Any], **arguments: Any) -> Settings:
    return parse_settings(config.get, STACK, **arguments)


def faults(config: Mapping[str, Any], **arguments: Any) -> list[str]:
    with pytest.raises(InvalidSettings) as caught:
        parse(config, **arguments)
    for fault in caught.value.faults:
        assert "; " in fault and fault.endswith((".", "?")) and "\n" not in fault
    return list(caught.value.faults)


def test_no_grants_are_none_and_absent_grants_are_refused() -> None:
    assert parse(BASE).grants == ()
    for absent in (None, ""):
        (fault,) = faults({**BASE, "grants": absent})
        assert fault.startswith("config 'grants': is not set; ") and "[]" in fault
    assert parse({**BASE, "grants": None}, grants=False).grants == ()


@pytest.mark.parametrize(
    ("config", "given", "expected"),
    [
        ({}, {}, ("r", "auto", STACK)),
        ({"exchange": "legacy", "owner": "team"}, {}, ("r", "legacy", "team")),
        (
            {"exchange": "legacy", "owner": "team"},
            {"realm": "s", "exchange": "standard", "owner": "me"},
            ("s", "standard", "me"),
        ),
        ({"exchange": "", "owner": ""}, {}, ("r", "auto", STACK)),
    ],
    ids=str,
)
def test_a_grant_takes_what_it_does_not_say_from_its_stack(
    config: dict[str, Any], given: dict[str, Any], expected: tuple[str, ...]
) -> None:
    (grant,) = parse({**BASE, **config, "grants": json.dumps([{**GRANT, **given}])}).grants
    assert (grant.realm, grant.exchange, grant.owner) == expected


def test_what_a_grant_used_alone_takes_from_its_stack() -> None:
    found = parse({**BASE, "exchange": "legacy"}, grants=False)
    assert (
        found.defaults == {"realm": "r", "exchange": "legacy", "owner": STACK, "protect": False} and found.realm == "r"
    )


def test_a_stack_without_a_realm_needs_one_in_each_grant() -> None:
    grants = json.dumps([{**GRANT, "realm": "s"}, {**GRANT, "name": "h"}])
    (fault,) = faults({**BASE, "realm": "", "grants": grants})
    assert fault == "grant 'h' in realm '?': has no realm; set it."


@pytest.mark.parametrize("text", ["{", "{}", "5", '"x"', '["g"]', "[null]", "[[]]", "null", "- name: g"])
def test_grants_that_are_no_list_of_grants(text: str) -> None:
    (fault,) = faults({**BASE, "grants": text})
    assert fault == "config 'grants': is not a list of grants; give each with name, sources and target."


def test_every_fault_of_every_part_at_once() -> None:
    found = faults(
        {"url": "", "exchange": "v1", "grants": json.dumps([{"name": "g"}, {**GRANT, "name": "h", "sorces": 1}])}
    )
    assert [fault.split(":")[0] for fault in found] == [
        "config 'url'",
        "config 'adminPassword'",
        "config 'exchange'",
        "grant 'g' in realm '?'",
        "grant 'g' in realm '?'",
        "grant 'g' in realm '?'",
        "grant 'h' in realm '?'",
        "grant 'h' in realm '?'",
    ]


def test_the_faults_of_each_grant_are_numbered_where_it_has_no_name() -> None:
    found = faults({**BASE, "grants": json.dumps([GRANT, {**GRANT, "name": None}])})
    assert found == ["grant '#2' in realm 'r': has no name; set it."]


@examples(60)
@given(
    st.dictionaries(
        st.sampled_from([*BASE, "exchange", "owner", "clientId", "insecureTls"]),
        st.one_of(st.none(), st.text('ab[]{}",:1é \\', max_size=8), st.sampled_from(["[{}]", "[NaN]", "auto"])),
    )
)
def test_any_config_is_read_or_refused_in_sentences(config: dict[str, str | None]) -> None:
    try:
        parse({**BASE, **config})
    except InvalidSettings as refused:
        assert refused.faults
        for fault in refused.faults:
            assert "; " in fault and fault.endswith((".", "?"))


@pytest.mark.parametrize(("given", "in_bulk"), [(None, False), ("each", False), ("realm", True)])
def test_grants_are_a_resource_each_or_one_a_realm(given: str | None, in_bulk: bool) -> None:
    assert parse({**BASE, "resources": given}).in_bulk is in_bulk
    assert faults({**BASE, "resources": "all"}) == ["config 'resources': is 'all'; set each or realm."]


# The files of this project


def test_every_optional_key_has_a_default_and_every_default_is_allowed() -> None:
    declared: dict[str, dict[str, Any]] = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]
    assert set(declared) == {
        "url",
        "realm",
        "grants",
        "grantsFile",
        "exchange",
        "owner",
        "guards",
        "events",
        "resources",
        "protect",
        "adminUsername",
        "adminPassword",
        "clientId",
        "clientSecret",
        "privateKey",
        "clientAssertionFile",
        "clientAssertionType",
        "clientCertificate",
        "clientKey",
        "loginRealm",
        "caCertificate",
        "insecureTls",
        "insecureHttp",
        "publicUrl",
    }
    assert [key for key, each in declared.items() if "default" not in each] == []
    assert set(declared) == set(KEYS)
    defaults = {key: str(each["default"]).lower() for key, each in declared.items() if "default" in each}
    assert parse({**defaults, "url": BASE["url"], "adminPassword": "pw", "grants": "[]"}).grants == ()


@pytest.mark.parametrize(
    ("keys", "only_ours", "faults"),
    [
        (["gaurds", "url"], True, ["config 'gaurds': is read by nothing; did you mean 'guards'?"]),
        (["protected"], True, ["config 'protected': is read by nothing; did you mean 'protect'?"]),
        (["Owner"], True, ["config 'Owner': is read by nothing; did you mean 'owner'?"]),
        (["region"], True, [f"config 'region': is read by nothing; take it out; known are {', '.join(KEYS)}."]),
        (["gaurds"], False, ["config 'gaurds': is read by nothing; did you mean 'guards'?"]),
        (["Owner"], False, ["config 'Owner': is read by nothing; did you mean 'owner'?"]),
        (["realms", "region", "url2", "clients", "events"], False, []),
    ],
    ids=str,
)
def test_a_key_that_nothing_reads(keys: list[str], only_ours: bool, faults: list[str]) -> None:
    assert mistyped(keys, only_ours=only_ours) == faults


def test_a_config_that_grows_towards_what_linux_takes() -> None:
    before = len("PULUMI_CONFIG=")
    assert too_large("x" * (100 * 1024 - before - 1)) is None
    said = too_large("ü" * (50 * 1024))
    assert said and said.startswith("config: has 102,414 bytes") and "131,072" in said and "grantsFile" in said


@pytest.mark.parametrize("stack", ["dev", "legacy", "prod"])
def test_the_stacks_of_this_project_are_grants(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entries: dict[str, Any] = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    config = {
        key.removeprefix("keycloak-token-exchange:"): value if isinstance(value, str) else json.dumps(value)
        for key, value in entries.items()
    }
    assert not {"adminPassword", "clientSecret", "privateKey"} & set(config)
    assert stack != "dev" or "url" not in config
    for name in ("KEYCLOAK_ADMIN_PASS", "KEYCLOAK_PRIVATE_KEY"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("KEYCLOAK_URL", "https://keycloak.test")
    grants = parse(config).grants
    assert grants and all(isinstance(grant, GrantSpec) for grant in grants)


@pytest.fixture
def no_config_left() -> Iterator[None]:
    yield
    pulumi.runtime.set_all_config({}, [])


@pytest.mark.usefixtures("no_config_left")
@pytest.mark.parametrize("key", SECRETS)
@pytest.mark.parametrize("entry", [lambda: read_settings(), lambda: a_resource()], ids=["settings", "a resource alone"])
def test_a_secret_in_plain_text_is_refused(
    key: str, entry: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the environment supplies it: it is in the file. The sentence shows nothing of it."""
    client = {} if key == "adminPassword" else {"clientId": "robot"}
    config = {"url": "https://keycloak.test", "realm": "r", "grants": "[]", "owner": "o", **client}
    names = {name: f"{pulumi.get_project()}:{name}" for name in (*config, key)}
    given = {names[name]: value for name, value in {**config, key: "hush"}.items()}
    for environment in ({}, {SECRETS[key]: "other"}):
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        pulumi.runtime.set_all_config(given, [names["url"]])
        with pytest.raises(pulumi.RunError) as caught:
            entry()
        sentence = str(caught.value)
        assert sentence.startswith(f"config '{key}': is in plain text; run `pulumi config set --secret {key}")
        assert sentence.count("\n") == 0 and SECRETS[key] in sentence and "hush" not in sentence
    pulumi.runtime.set_all_config(given, [names[key]])
    assert read_settings().realm == "r"
    pulumi.runtime.set_all_config({**given, names[key]: ""}, [])
    assert read_settings().realm == "r"


@pytest.mark.usefixtures("no_config_left")
def test_plain_secrets_are_told_with_all_other_faults() -> None:
    project = pulumi.get_project()
    given = {"adminPassword": "hush", "clientSecret": "hush", "exchange": "none", "grants": "", "owner": "o"}
    pulumi.runtime.set_all_config({f"{project}:{key}": value for key, value in given.items()}, [])
    with pytest.raises(pulumi.RunError) as caught:
        read_settings()
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "config 'adminPassword'",
        "config 'clientSecret'",
        "config 'url'",
        "config 'clientSecret'",
        "config 'exchange'",
        "config 'grants'",
    ]
    assert "hush" not in str(caught.value)


def a_resource() -> object:
    return AudienceMapper("a", realm="r", client_id="a", included_client="b")
