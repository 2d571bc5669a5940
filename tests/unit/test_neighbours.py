"""Only grants that name the same client are compared, so that planning grows with the number of grants, not its square."""

from dataclasses import replace

import pulumi
import pytest

from components.shared_parts import SharedParts
from grants import conflicts
from grants.by_client import Neighbours
from grants.plan import GrantPlan
from grants.spec import GrantSpec


def planned(source: str, target: str, realm: str = "r") -> GrantPlan:
    spec = GrantSpec(name=f"{source}-{target}", sources=(source,), target=target, realm=realm, owner="o/p/s")
    return GrantPlan(spec, "standard", (), ((source, target),), (source,), (), {})


def test_neighbours_name_the_same_client_of_the_same_realm() -> None:
    first, second, third = planned("a", "b"), planned("b", "c"), planned("c", "d")
    elsewhere = planned("a", "b", realm="other")
    known = Neighbours([first, second, third, elsewhere])
    assert known.of(first) == [first, second]
    assert known.of(second) == [first, second, third]
    assert known.of(planned("d", "e")) == [third]
    assert known.of(planned("x", "y")) == []
    assert known.at("r", "b") == [first, second]
    assert known.at("other", "c") == []


def test_grants_without_a_common_client_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(conflicts, "_conflicts_of", lambda grant, other: compared.append((grant, other)) or ())
    grants = [planned(f"s{number}", f"t{number}") for number in range(200)]
    assert list(conflicts.conflicts(grants)) == []
    assert not compared
    assert list(conflicts.conflicts([planned("s7", "other")], Neighbours(grants))) == []
    assert [other for _, other in compared] == [grants[7]]


def test_who_comes_later_is_compared_with_who_is_there() -> None:
    parts = SharedParts()
    parts.join([planned("a", "b")])
    other = planned("a", "c")
    with pytest.raises(pulumi.RunError, match="wants onRemove revoke for client 'a', grant 'a-b' wants restore"):
        parts.join([replace(other, spec=replace(other.spec, on_remove="revoke"))])
    parts.join([planned("c", "d")])
