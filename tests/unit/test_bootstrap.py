"""The robot's key file, and what a person is told to type next."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from exchange.bootstrap import Bootstrapped, _look_as_robot, _read, _write_new, as_lines
from kcadmin.connection import Connection, PasswordLogin
from kcadmin.errors import Refusal
from kcadmin.robot import Robot


def test_a_new_key_takes_the_place_of_a_key_alone(tmp_path: Path) -> None:
    key = tmp_path / "robot.pem"
    first, second = _write_new(key), _write_new(key)
    assert _read(key).private_numbers() == second.private_numbers() != first.private_numbers()
    assert key.stat().st_mode & 0o777 == 0o600 and [each.name for each in tmp_path.iterdir()] == ["robot.pem"]
    other = tmp_path / "notes"
    other.write_text("mine")
    with pytest.raises(Refusal, match="holds no unencrypted RSA key, and what it holds would be lost; name another"):
        _write_new(other)
    assert other.read_text() == "mine"


def test_nothing_is_left_where_a_key_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"cannot be written|holds no unencrypted"):
        _write_new(tmp_path)
    with pytest.raises(Refusal, match="cannot be written"):
        _write_new(tmp_path / "no" / "key")
    assert list(tmp_path.iterdir()) == []


def test_what_is_to_be_typed_is_one_word_each(tmp_path: Path) -> None:
    made = Bootstrapped(Robot("a robot", ("manage-clients",), (), True), "r; rm x", "http://kc", Path("my key.pem"))
    lines = as_lines(made)
    assert "  pulumi config set realm 'r; rm x'" in lines and "  pulumi config set clientId 'a robot'" in lines
    assert lines[-1] == """  export KEYCLOAK_PRIVATE_KEY="$(cat 'my key.pem')\""""


@pytest.mark.parametrize("new", [True, False], ids=["made by this call", "there before"])
def test_a_robot_that_cannot_see_its_clients_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, new: bool
) -> None:
    key, removed = tmp_path / "robot.pem", []
    _write_new(key)
    seen = {"frontend": object()}
    monkeypatch.setattr("exchange.bootstrap.realm_for", lambda session, realm: SimpleNamespace(clients=Finds(seen)))
    monkeypatch.setattr("exchange.bootstrap.remove", lambda connection, realm, name: removed.append(name))
    connection = Connection("http://kc", PasswordLogin("admin", "p"))
    robot = Robot("robot", ("query-clients",), ("frontend",), new)
    _look_as_robot(connection, "r", robot, key)
    with pytest.raises(Refusal, match=r"client 'api' in realm 'r': .* does not let 'robot' see it.* without --only\."):
        _look_as_robot(connection, "r", replace(robot, only=("frontend", "api")), key)
    assert removed == (["robot"] if new else [])
    _look_as_robot(connection, "r", replace(robot, only=()), key)


class Finds(dict[str, object]):
    """The clients that a robot sees."""

    find = dict.get
