"""The pure parts of the installs: versions, names of releases, checksums, what is refused."""

import hashlib
import re
import shutil
import tarfile
from importlib import metadata
from pathlib import Path

import pytest

from local import checksums, downloads, java, keycloak, keycloak_release, lock, maven, pulumi_cli, venv
from local.layout import KEYCLOAK_VERSIONS, PROJECT, UserError

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


def test_a_release_without_a_checksum_is_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is built with Go, whose modules go.sum pins; a person may give the checksum."""
    monkeypatch.setattr(pulumi_cli, "PULUMI_BIN", tmp_path / "bin")
    monkeypatch.setattr(pulumi_cli, "PULUMI", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(downloads, "fetch", lambda url, target: pytest.fail(f"fetched {url}"))
    monkeypatch.setattr(checksums, "PULUMI", {})
    monkeypatch.delenv("PULUMI_SHA256", raising=False)
    with pytest.raises(UserError, match=r"give the SHA-256 of the release's archive .* with PULUMI_SHA256="):
        pulumi_cli.install(lambda line: None)


@pytest.mark.parametrize("kept", [True, False])
def test_a_release_is_unpacked_only_with_its_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    made = tmp_path / "made.tar.gz"
    with tarfile.open(made, "w:gz") as archive:
        member = tarfile.TarInfo("pulumi/pulumi")
        archive.addfile(member)
    right = hashlib.sha256(made.read_bytes()).hexdigest()
    monkeypatch.setattr(pulumi_cli, "PULUMI_BIN", tmp_path / "bin")
    monkeypatch.setattr(pulumi_cli, "PULUMI", tmp_path)
    monkeypatch.setattr(pulumi_cli, "LOCAL", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    (tmp_path / "downloads").mkdir()
    monkeypatch.setattr(downloads, "fetch", lambda url, target: shutil.copyfile(made, target))
    for checksum in ("0" * 64, right):
        table = {pulumi_cli.release_name("Linux", "x86_64"): checksum} if kept else {}
        monkeypatch.setattr(checksums, "PULUMI", table)
        monkeypatch.setenv("PULUMI_SHA256", "" if kept else checksum)
        if checksum != right:
            with pytest.raises(UserError, match=r"Pulumi .* has sha256 .* where 0+ is expected; it was deleted"):
                pulumi_cli.install(lambda line: None)
            assert not (tmp_path / "bin").exists()
    assert pulumi_cli.install(lambda line: None) == tmp_path / "bin" and (tmp_path / "bin" / "pulumi").exists()


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
    said: list[str] = []
    assert pulumi_cli.install(said.append) == tmp_path
    assert said == [f"{cli} is used, version 3.210.0"]


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
    with pytest.raises(downloads.WrongChecksumError, match=r"file\.zip has sha1 .* where 00 is expected"):
        downloads.verify(file, "00", "sha1")
    assert not file.exists()


def test_without_maven_and_network_the_way_on_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keycloak_release, "DOWNLOADS", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)

    def no_network(url: str, target: Path) -> None:
        raise downloads.UnreachableError(f"{url} (no route)")

    monkeypatch.setattr(downloads, "fetch", no_network)
    with pytest.raises(UserError, match=r"1\.2\.3 could not be downloaded: .*/1\.2\.3/keycloak-1\.2\.3\.zip \("):
        keycloak_release.archive("1.2.3", lambda line: None)


def test_every_keycloak_that_is_tested_has_a_checksum() -> None:
    assert set(KEYCLOAK_VERSIONS) <= set(checksums.KEYCLOAK)
    assert all(
        re.fullmatch("[0-9a-f]{64}", each)
        for each in (*checksums.KEYCLOAK.values(), *checksums.POSTGRES.values(), *checksums.PULUMI.values())
    )


@pytest.mark.parametrize("found_there", [True, False])
def test_a_keycloak_with_another_checksum_is_refused_at_each_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found_there: bool
) -> None:
    """Also one that lay in the folder of downloads."""
    monkeypatch.setattr(keycloak_release, "DOWNLOADS", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(downloads, "fetch", lambda url, target: target.write_bytes(b"planted"))
    file = tmp_path / "keycloak-26.7.3.zip"
    if found_there:
        file.write_bytes(b"planted")
    with pytest.raises(
        UserError, match=r"^Keycloak 26\.7\.3: keycloak-26\.7\.3\.zip has sha256 .* it was deleted, run"
    ):
        keycloak_release.archive("26.7.3", lambda line: None)
    assert not file.exists()


def test_a_keycloak_that_is_not_known_is_used_only_with_a_persons_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keycloak_release, "DOWNLOADS", tmp_path)
    monkeypatch.delenv("KEYCLOAK_SHA256", raising=False)
    (tmp_path / "keycloak-99.0.0.zip").write_bytes(b"new")
    digest = hashlib.sha256(b"new").hexdigest()
    with pytest.raises(
        UserError, match=rf"^Keycloak 99\.0\.0: no SHA-256 .* came has {digest}; compare .*KEYCLOAK_SHA256="
    ):
        keycloak_release.archive("99.0.0", lambda line: None)
    monkeypatch.setenv("KEYCLOAK_SHA256", digest.upper())
    assert keycloak_release.archive("99.0.0", lambda line: None).exists()
    monkeypatch.setenv("KEYCLOAK_SHA256", "0" * 64)  # says nothing of one that is known
    with pytest.raises(UserError, match=r"99\.0\.0\.zip has sha256"):
        keycloak_release.archive("99.0.0", lambda line: None)


def test_maven_is_told_which_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> None:
        commands.append(command)
        folder = Path(command[-1].partition("=")[2])
        folder.mkdir()
        (folder / "name-1.zip").touch()

    monkeypatch.setattr(maven, "DOWNLOADS", tmp_path)
    monkeypatch.setattr("local.processes.run", run)
    maven.fetch("group:name", "1", "zip", tmp_path / "target.zip", what="it")
    (command,) = commands
    assert re.fullmatch(r"org\.apache\.maven\.plugins:maven-dependency-plugin:[0-9.]+:copy", command[3])


def test_a_version_that_no_repository_has_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mvn = tmp_path / "mvn"
    said = "[ERROR] Could not find artifact org.keycloak:x:zip:26.8.2 in central"
    mvn.write_text(f"#!/bin/sh\necho '{said}'; exit 1\n")
    mvn.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(maven, "DOWNLOADS", tmp_path)
    monkeypatch.setattr("local.processes.LOCAL", tmp_path)
    monkeypatch.setattr(keycloak_release, "DOWNLOADS", tmp_path)
    words = "Keycloak 26.8.2: Maven's repositories do not have org.keycloak:.*:26.8.2:zip; choose another KEYCLOAK_VERSION, or"
    with pytest.raises(UserError, match=words):
        keycloak_release.archive("26.8.2", lambda line: None)


def test_an_unknown_feature_set_is_refused() -> None:
    with pytest.raises(UserError, match=r"'some' is unknown; take one of standard, legacy, neither"):
        keycloak.install("26.7.3", "some", lambda line: None)


@pytest.mark.parametrize(
    ("version", "feature_set", "options"),
    [
        ("26.7.3", "standard", []),
        ("26.7.3", "legacy", ["--features=token-exchange:v1,admin-fine-grained-authz:v1"]),
        ("26.7.3", "neither", ["--features=token-exchange:v1", "--features-disabled=token-exchange-standard"]),
        ("26.7.5", "spiffe", ["--features=spiffe"]),
        ("24.0.5", "legacy", ["--features=token-exchange:v1,admin-fine-grained-authz:v1"]),
        ("26.1.0", "neither", ["--features=token-exchange:v1"]),
        ("26.1.0", "no-standard", ["--features=token-exchange:v1,admin-fine-grained-authz:v1"]),
        ("26.7.3", "no-authorization", ["--features-disabled=authorization,admin-fine-grained-authz"]),
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


def test_the_packages_are_current_only_with_the_same_lock(tmp_path: Path) -> None:
    assert not venv.is_current(tmp_path, "one")
    (tmp_path / venv.STAMP).write_text("one")
    assert not venv.is_current(tmp_path, "one")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    assert venv.is_current(tmp_path, "one")
    assert not venv.is_current(tmp_path, "two")


PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)", re.MULTILINE)


def pinned(text: str) -> set[tuple[str, str]]:
    """Packages as (name in its one spelling, version)."""
    return {(re.sub("[-_.]+", "-", name).lower(), version) for name, version in PINNED.findall(text)}


@pytest.mark.parametrize("requirements", lock.REQUIREMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_lock_is_that_of_its_requirements(requirements: Path) -> None:
    """`make lock` writes it anew."""
    text = lock.lock_of(requirements).read_text()
    assert text.startswith(lock.head(requirements)), "run `make lock`"
    assert pinned(requirements.read_text()) <= pinned(text)


@pytest.mark.parametrize("requirements", lock.REQUIREMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_lock_holds_pinned_wheels_with_hashes_and_names_no_index(requirements: Path) -> None:
    text = lock.lock_of(requirements).read_text().replace("\n--only-binary :all:\n", "\n", 1)
    entries = re.sub(r" \\\n", "", text).splitlines()
    entry = r"[a-z0-9._-]+==\S+( ; [^-]+)?(    --hash=sha256:[0-9a-f]{64})+"
    assert [each for each in entries if not each.startswith("#") and not re.fullmatch(entry, each)] == []
    assert "://" not in text and "--index" not in text and "--find-links" not in text


def test_what_is_installed_is_what_the_lock_holds() -> None:
    """But for what another platform or Python needs."""
    installed = {(re.sub("[-_.]+", "-", each.name).lower(), each.version) for each in metadata.distributions()}
    held = pinned(venv.LOCK.read_text())
    names = {name for name, _ in held}
    assert {each for each in installed if each[0] in names} <= held
    assert pinned((PROJECT / "requirements.txt").read_text()) <= installed


def test_pip_takes_locked_wheels_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[object], **_: object) -> None:
        commands.append([str(each) for each in command])
        (tmp_path / "venv").mkdir(exist_ok=True)

    monkeypatch.setattr("local.processes.run", run)
    monkeypatch.setattr("local.layout.LOCAL", tmp_path)
    (tmp_path / "a.lock").write_text("a==1 --hash=sha256:0")
    venv.environment(tmp_path / "venv", tmp_path / "a.lock", lambda line: None)
    assert commands[-1][-5:] == ["--require-hashes", "--only-binary", ":all:", "--requirement", f"{tmp_path}/a.lock"]
