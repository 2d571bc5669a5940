"""What grants and stacks share stays until the last of them leaves."""

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, grant, neither_flow


def test_removing_one_of_three_grants_touches_no_other(exchange: str, renewed: MakeRealm, new_stack: NewStack) -> None:
    realm = renewed(exchange, a={}, b={}, t={}, u={})
    stack = new_stack(realm, exchange)
    first, second, third = (
        grant("a-t", source="a", target="t"),
        grant("b-t", source="b", target="t"),
        grant("a-u", source="a", target="u"),
    )
    stack.configure(first, second, third, exchange=exchange)
    stack.up("--skip-preview")
    for source, target in (("a", "t"), ("b", "t"), ("a", "u")):
        both_flows(realm, exchange, source=source, target=target)
    whole = stack.export()

    stack.configure(second, third)
    removed = stack.up("--skip-preview")
    counted = removed.counted()
    left = stack.export()
    assert set(counted) == {"deleted", "unchanged"}
    assert counted["deleted"] == len(whole) - len(left) > 0
    assert left == {urn: whole[urn] for urn in left}
    both_flows(realm, exchange, source="b", target="t")
    both_flows(realm, exchange, source="a", target="u")
    neither_flow(realm, source="a", target="t")


def test_two_stacks_share_source_and_target(exchange: str, renewed: MakeRealm, new_stack: NewStack) -> None:
    realm = renewed(exchange)
    before = realm.export()
    stacks = [new_stack(realm, exchange, name) for name in ("one", "two")]
    for stack in stacks:
        stack.configure(grant(), exchange=exchange, owner=f"team-{stack.name}/exchange")
        stack.up("--skip-preview")
        both_flows(realm, exchange)
    # On one server the first to come leaves first, on the other the last.
    leaves, stays = stacks if exchange == "standard" else reversed(stacks)
    left = leaves.destroy("--skip-preview")
    both_flows(realm, exchange)
    if exchange == "standard":
        assert len(left.writes) == 4, (
            "two mappers and two claims: the other stack's switches are never off, not even shortly"
        )
    stays.preview("--refresh", "--expect-no-changes")
    stays.destroy("--skip-preview")
    neither_flow(realm)
    as_it_was(realm, before, exchange)
