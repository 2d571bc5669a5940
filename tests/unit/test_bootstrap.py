"""The robot's key file, what a person is told to type next, and what git would take."""

import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from exchange.bootstrap.bootstrap import Bootstrapped, as_lines
from exchange.bootstrap.key_file import Owner, new_key_file, read_key
from exchange.terminal.version_control import warn_unless_ignored
from kcadmin.objects.robot import Robot
from kcadmin.rest.errors import Refusal
from kcadmin.rest.tokens import PEM_START

OWNER = Owner("robot", "r", "https://kc.example.com/auth")


def write_new(file: Path, owner: Owner = OWNER) -> str:
    with new_key_file(file, owner) as text:
        assert not file.exists() or text != file.read_text()
    return text


def test_a_new_key_takes_the_place_of_a_key_alone(tmp_path: Path) -> None:
    key = tmp_path / "robot.pem"
    first, second = write_new(key), write_new(key)
    assert read_key(key, OWNER) == second != first and second.startswith(PEM_START)
    assert load_pem_private_key(second.encode(), None)
    assert key.stat().st_mode & 0o777 == 0o600 and [each.name for each in tmp_path.iterdir()] == ["robot.pem"]
    other = tmp_path / "notes"
    other.write_text("mine")
    with pytest.raises(Refusal, match="holds no unencrypted RSA key, and what it holds would be lost; name another"):
        write_new(other)
    assert other.read_text() == "mine"


def test_nothing_is_left_where_a_key_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"cannot be written|holds no unencrypted"):
        write_new(tmp_path)
    with pytest.raises(Refusal, match="cannot be written"):
        write_new(tmp_path / "no" / "key")
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_kept_only_where_its_robot_was_made(tmp_path: Path) -> None:
    key = tmp_path / "robot.pem"
    was = write_new(key)
    with pytest.raises(KeyboardInterrupt), new_key_file(key, OWNER) as text:
        beside = next(each for each in tmp_path.iterdir() if each != key)
        assert beside.read_text() == text and beside.stat().st_mode & 0o777 == 0o600
        assert beside.suffix == ".pem", "which git ignores"
        raise KeyboardInterrupt
    assert [*tmp_path.iterdir()] == [key] and key.read_text() == was


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o660, 0o777])
def test_a_key_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    key = tmp_path / "robot.pem"
    write_new(key)
    key.chmod(mode)
    with pytest.raises(
        Refusal, match=rf"others can read or write it \(mode 0{mode:o}\); give --new-key, or run `chmod 600"
    ):
        read_key(key, OWNER)
    key.chmod(0o400)
    assert read_key(key, OWNER)


def test_a_key_that_another_user_owns_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "robot.pem"
    write_new(key)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)  # as root, who can read the files of all
    with pytest.raises(Refusal, match=rf"belongs to another user \(number {owner}\); name another file with --key, or"):
        read_key(key, OWNER)


@pytest.mark.parametrize(
    "other",
    [Owner("robot", "s", OWNER.url), Owner("robot", "r", "https://other.example.com"), Owner("else", "r", OWNER.url)],
)
def test_a_key_of_another_robot_is_refused(tmp_path: Path, other: Owner) -> None:
    key = tmp_path / "robot.pem"
    write_new(key)
    with pytest.raises(
        Refusal, match=r"is the private key of client 'robot' in realm 'r' at https://kc.example.com/auth; "
    ):
        read_key(key, other)
    assert other.default_file != OWNER.default_file
    key.write_text(key.read_text().partition("Private key of")[0])
    assert read_key(key, other), "one of an earlier bootstrap does not say whose it is"


def test_a_default_file_is_one_plain_name() -> None:
    assert str(OWNER.default_file) == "robot-r-kc.example.com-auth.pem"
    assert str(Owner("../a b", "r/../s\n", "http://[::1]:80").default_file) == "..-a-b-r-..-s---1-80.pem"


def test_other_keys_are_refused(tmp_path: Path) -> None:
    key = tmp_path / "ec.pem"
    made = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    with pytest.raises(Refusal, match="holds no unencrypted RSA key; name another with --key"):
        read_key(key, OWNER)
    with pytest.raises(Refusal, match="cannot be read"):
        read_key(tmp_path / "none.pem", OWNER)


def test_what_is_to_be_typed_is_one_word_each(tmp_path: Path) -> None:
    made = Bootstrapped(Robot("a robot", ("manage-clients",), (), True), "r; rm x", "http://kc", Path("my key.pem"))
    lines = as_lines(made)
    assert "  pulumi config set realm 'r; rm x'" in lines and "  pulumi config set clientId 'a robot'" in lines
    assert lines[-1] == """  export KEYCLOAK_PRIVATE_KEY="$(cat 'my key.pem')\""""


def test_git_is_asked_whether_it_takes_a_secret_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warned(file: Path) -> str:
        warn_unless_ignored(file, "a private key")
        return capsys.readouterr().err

    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert warned(tmp_path / "robot.pem") == "", "no work tree"
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert "holds a private key, and git does not ignore it; move it, or add it to .gitignore." in warned(
        tmp_path / "a.pem"
    )
    monkeypatch.chdir(tmp_path)
    assert warned(Path("a.pem"))
    (tmp_path / ".gitignore").write_text((Path(__file__).parents[2] / ".gitignore").read_text())
    for name in (OWNER.default_file.name, f"{OWNER.default_file}.x8_1.pem", "prod-20260101T000000Z.state.json"):
        assert warned(tmp_path / name) == ""
    assert warned(tmp_path / "robot.key")
    monkeypatch.setenv("PATH", os.devnull)
    assert warned(tmp_path / "robot.key") == "", "no git"
