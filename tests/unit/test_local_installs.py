"""The pure parts of the installs: versions, names of releases, checksums, what is refused."""

import hashlib
import shutil
from pathlib import Path

import pytest

from local import downloads, java, keycloak, keycloak_release, pulumi_cli, venv
from local.layout import UserError

OPENJDK_17 = 'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment (build 17.0.15+6)'
OPENJDK_8 = 'openjdk version "1.8.0_402"'


@pytest.mark.parametrize(
    ("output", "version"),
    [(OPENJDK_17, 17), (OPENJDK_8, 8), ('java version "25" 2026-09-15', 25), ("no java", None)],
)
def test_javas_version_is_read(output: str, version: int | None) -> None:
    assert java.major_version(output) == version


def test_a_missing_java_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"needs Java and there is none on PATH; install Java 17 or newer"):
        java.java()


def test_an_old_java_is_told_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"is Java 11 and Keycloak needs 17 or newer; install"):
        java.java()


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "linux-x64"),
        ("Linux", "aarch64", "linux-arm64"),
        ("Darwin", "arm64", "darwin-arm64"),
    ],
)
def test_the_release_for_a_machine(system: str, machine: str, name: str) -> None:
    assert pulumi_cli.release_name(system, machine) == f"pulumi-v{pulumi_cli.RELEASED}-{name}.tar.gz"


def test_a_machine_without_a_release_is_refused() -> None:
    with pytest.raises(UserError, match=r"no release for Linux on riscv64; install the Pulumi CLI"):
        pulumi_cli.release_name("Linux", "riscv64")


def test_the_checksum_is_found_by_the_whole_name() -> None:
    listing = "aa  other-pulumi.tar.gz\nbb  pulumi.tar.gz\ncc *star.tar.gz\n"
    assert pulumi_cli.checksum_in(listing, "pulumi.tar.gz") == "bb"
    assert pulumi_cli.checksum_in(listing, "star.tar.gz") == "cc"
    with pytest.raises(downloads.WrongChecksumError):
        pulumi_cli.checksum_in(listing, "gz")


@pytest.mark.parametrize(("told", "version"), [("v3.255.0", (3, 255, 0)), ("3.1.0-dev", (3, 1, 0)), ("", None)])
def test_the_version_of_a_cli(tmp_path: Path, told: str, version: tuple[int, ...] | None) -> None:
    cli = tmp_path / "pulumi"
    cli.write_text(f"#!/bin/sh\necho '{told}'\n")
    cli.chmod(0o755)
    assert pulumi_cli.version_of(str(cli)) == version


def test_a_cli_that_cannot_run_has_no_version(tmp_path: Path) -> None:
    assert pulumi_cli.version_of(str(tmp_path / "none")) is None


def test_a_recent_cli_on_path_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = tmp_path / "pulumi"
    cli.write_text("#!/bin/sh\necho v3.210.0\n")
    cli.chmod(0o755)
    monkeypatch.setattr(pulumi_cli, "PULUMI_BIN", tmp_path / "absent")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert pulumi_cli.install(lambda line: None) == tmp_path


def test_a_missing_go_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"there is no Go to build it with; install the Pulumi CLI .* or Go 1\.25"):
        pulumi_cli.by_go(tmp_path, lambda line: None)


def test_the_starter_survives_awkward_folders() -> None:
    text = pulumi_cli.starter_text(Path("/a b/it's/python"), Path("/a b/host.py"))
    assert "'/a b/host.py'" in text
    assert "python='/a b/it'\"'\"'s/python'" in text


def test_a_wrong_checksum_is_refused_and_the_file_deleted(tmp_path: Path) -> None:
    file = tmp_path / "file.zip"
    file.write_bytes(b"x")
    downloads.verify(file, hashlib.sha1(b"x").hexdigest().upper() + "\n", "sha1")  # noqa: S324
    with pytest.raises(downloads.WrongChecksumError, match=r"file\.zip has sha1 .* where its publisher says 00"):
        downloads.verify(file, "00", "sha1")
    assert not file.exists()


def test_without_maven_and_network_the_way_on_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keycloak_release, "DOWNLOADS", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)

    def no_network(url: str) -> str:
        raise downloads.UnreachableError(f"{url} (no route)")

    monkeypatch.setattr(downloads, "text", no_network)
    with pytest.raises(UserError, match=r"1\.2\.3 could not be downloaded: .*/1\.2\.3/keycloak-1\.2\.3\.zip\.sha1"):
        keycloak_release.archive("1.2.3", lambda line: None)


def test_an_unknown_feature_set_is_refused() -> None:
    with pytest.raises(UserError, match=r"'some' is unknown; take one of standard, legacy, legacy-without-permissions"):
        keycloak.install("26.7.3", "some", lambda line: None)


@pytest.mark.parametrize(
    ("version", "feature_set", "options"),
    [
        ("26.7.3", "standard", []),
        ("26.7.3", "legacy", ["--features=token-exchange:v1,admin-fine-grained-authz:v1"]),
        ("26.7.3", "legacy-without-permissions", ["--features=token-exchange:v1"]),
        ("26.7.3", "none", ["--features-disabled=token-exchange-standard"]),
        ("24.0.5", "legacy", ["--features=token-exchange:v1,admin-fine-grained-authz:v1"]),
        ("24.0.5", "none", []),
        ("26.1.0", "none", []),
    ],
)
def test_the_options_of_a_feature_set(version: str, feature_set: str, options: list[str]) -> None:
    assert keycloak.feature_options(version, feature_set) == options


def test_a_servers_home_links_the_tree_and_has_its_own_data(tmp_path: Path) -> None:
    tree, home, realm = tmp_path / "tree", tmp_path / "home", tmp_path / "realm.json"
    for name in ("lib", "conf", "bin", "data"):
        (tree / name).mkdir(parents=True)
    realm.write_text("{}")
    for _ in range(2):
        keycloak.prepare_home(tree, home, realm)
    assert (home / "lib").resolve() == tree / "lib"
    assert not (home / "bin").exists()
    assert not (home / "data").is_symlink()
    assert (home / "data" / "import" / "realm.json").read_text() == "{}"
    keycloak.prepare_home(tree, home, None)
    assert list((home / "data" / "import").iterdir()) == []


def test_a_persons_keycloak_settings_do_not_reach_our_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KC_DB", "postgres")
    monkeypatch.setenv("QUARKUS_HTTP_PORT", "1")
    found = keycloak.clean_environment()
    assert "PATH" in found
    assert not {"KC_DB", "QUARKUS_HTTP_PORT"} & set(found)


def test_the_first_error_of_a_log_is_told(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("a\n2026-11-23 ERROR [org.x] (main) Port 8080 in use\nERROR: later\nz\n")
    assert keycloak.last_error(log) == "Port 8080 in use"
    log.write_text("a\nz\n\n")
    assert keycloak.last_error(log) == "z"
    log.write_text("")
    assert keycloak.last_error(log) == "its log is empty"


def test_the_packages_are_current_only_with_the_same_requirements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    monkeypatch.setattr(venv, "PYTHON", python)
    monkeypatch.setattr(venv, "STAMP", tmp_path / "stamp")
    assert not venv.is_current("one")
    (tmp_path / "stamp").write_text("one")
    assert not venv.is_current("one")
    python.touch()
    assert venv.is_current("one")
    assert not venv.is_current("two")
