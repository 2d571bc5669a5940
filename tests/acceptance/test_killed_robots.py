"""Bootstrap killed before and after each write: ``--remove``, or another run and then ``--remove``, leave the realm as it was.

``make test`` kills around the switch of the realm's admin permissions; ``make test-crash`` everywhere.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange.bootstrap.bootstrap import remove
from kcadmin.objects.robot_permissions import SWITCHING
from local.layout import keycloak_version
from tests.acceptance.test_robot import NAME, entries_stay, made, with_empty_permissions, without_entries
from tests.conftest import MakeRealm
from tests.support.in_process import Killed, interrupted
from tests.support.realms import TestRealm

ALL = bool(os.environ.get("ALL_KILL_POINTS"))
NOWHERE = 1000
pytestmark = pytest.mark.standard_exchange


def killed(realm: TestRealm, folder: Path, at: int, *, after: bool, **options: Any) -> list[str]:
    """A run that is killed there; gives its writes. The process takes its key file with it, as a machine that is gone does."""
    with interrupted(at, after=after) as writes:
        try:
            made(realm, folder, **options)
        except Killed:
            (folder / "robot.pem").unlink(missing_ok=True)
    return writes


def gone(realm: TestRealm) -> tuple[str, ...]:
    removed = remove(realm.connection, realm.name, NAME)
    return removed.remains if removed else ()


def points(writes: list[str]) -> Iterator[tuple[int, bool]]:
    """From the role that announces the switch until the first policy, and when the client has taken the robot's name."""
    first = next((at for at, each in enumerate(writes) if each.endswith("/roles")), 1)
    last = next((at for at, each in enumerate(writes) if each.endswith("/policy/user")), 1)
    for at in range(len(writes)):
        for after in (False, True):
            if ALL or (after and (first <= at <= last or at == len(writes) - 2)):
                yield at, after


def is_clean(realm: TestRealm) -> bool:
    """No robot, finished or not, no role, and no admin permissions that bootstrap switched on."""
    settings, names = realm.get(), {each["name"] for each in realm.get("roles")}
    robots = [each["clientId"] for each in realm.get("clients") if each["clientId"].startswith(NAME)]
    return not robots and SWITCHING not in names and not settings.get("adminPermissionsEnabled")


@pytest.mark.skipif(keycloak_version().startswith("26.2."), reason="its robot is refused")
def test_killed_around_the_switch_of_admin_permissions(make_realm: MakeRealm, tmp_path: Path) -> None:
    realm = make_realm("standard", frontend={}, api={})
    only = {"only": ("frontend",)}
    before = realm.export()
    writes = killed(realm, tmp_path, NOWHERE, after=False, **only)
    assert gone(realm) == (entries_stay(realm),)
    assert realm.export() == with_empty_permissions(before, realm)
    settled = without_entries(realm.export())
    for at, after in points(writes):
        where = f"{'after' if after else 'before'} {at} {writes[at]}"
        killed(realm, tmp_path, at, after=after, **only)
        gone(realm)
        assert is_clean(realm) and without_entries(realm.export()) == settled, f"--remove, killed {where}"
        killed(realm, tmp_path, at, after=after, **only)
        assert made(realm, tmp_path, new_key=True, **only).robot.only == ("frontend",), where
        assert realm.get()["adminPermissionsEnabled"], where
        gone(realm)
        assert is_clean(realm) and without_entries(realm.export()) == settled, f"another run, killed {where}"


def test_killed_where_it_may_manage_all_clients(realm: TestRealm, tmp_path: Path) -> None:
    before = realm.export()
    writes = killed(realm, tmp_path, NOWHERE, after=False)
    gone(realm)
    for at, after in points(writes):
        killed(realm, tmp_path, at, after=after)
        again = made(realm, tmp_path, new_key=True).robot
        gone(realm)
        assert realm.export() == before, (at, after)
        assert again.told or not again.made or (at, after) == (0, False), (at, after)


@pytest.mark.skipif(keycloak_version().startswith("26.2."), reason="its robot is refused")
def test_a_switch_of_others_is_left_alone(make_realm: MakeRealm, tmp_path: Path) -> None:
    """Who uses admin permissions since a run was killed keeps them, and a run that fails keeps the note of the killed one."""
    realm = make_realm("standard", frontend={}, api={})
    writes = killed(realm, tmp_path, NOWHERE, after=False, only=("frontend",))
    gone(realm)
    switch = next(at for at, each in enumerate(writes) if each.endswith(f"/realms/{realm.name}"))
    killed(realm, tmp_path, switch, after=True, only=("frontend",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kcadmin.objects.robot._read_as_robot", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            made(realm, tmp_path, only=("frontend",))
    assert realm.get()["adminPermissionsEnabled"]
    assert gone(realm) == (f"realm '{realm.name}': its admin permissions are off, as before a run that was killed.",)
    assert is_clean(realm)

    killed(realm, tmp_path, switch, after=True, only=("frontend",))
    server = realm.at("clients", realm.get()["adminPermissionsClient"]["id"], "authz", "resource-server")
    realm.session.post(f"{server}/policy/user", {"name": "theirs", "users": [realm.get("users")[0]["id"]]})
    assert any("stay on, since others have permissions there" in each for each in gone(realm))
    assert realm.get()["adminPermissionsEnabled"] and gone(realm) == ()
