"""What people read of a stack with many grants: what matters, and not what has not changed."""

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant

GRANTS = 40
QUIET_PREVIEW, QUIET_UP, ONE_NEW, A_GRANT = 25, 30, 45, 7  # lines


@pytest.mark.standard_exchange
def test_output_of_many_grants(make_realm: MakeRealm, new_stack: NewStack) -> None:
    sources = [f"source-{number}" for number in range(GRANTS + 1)]
    realm = make_realm("standard", target={}, **{name: {} for name in sources})
    stack = new_stack(realm, "standard")
    *grants, more = [grant(f"g{number}", source=name, target="target") for number, name in enumerate(sources)]
    for each in (*grants, more):
        each["flows"] = ["requester"]

    stack.configure(*grants)
    made = stack.up("--skip-preview").lines
    assert len(made) <= A_GRANT * GRANTS, made
    quiet = stack.up().lines
    told = "\n".join(quiet)
    assert len(quiet) <= QUIET_UP and len(told.partition("Updating (")[0].splitlines()) <= QUIET_PREVIEW, told
    assert "grants: " not in told.replace("grants  : ", "") and f'"{GRANTS} grants in realm' in told, told

    stack.configure(*grants, more)
    lines = stack.preview().lines
    assert len(lines) <= ONE_NEW and f"      new: g{GRANTS}: {sources[-1]} → target, standard, requester" in lines[-25:]
    assert f"    grants: 1 new, {GRANTS} unchanged" in lines, lines

    grants[3] |= {"allowRefresh": True}
    grants[5] |= {"reason": "for audits"}
    stack.configure(*grants[:-1])
    told = stack.preview("--diff").output
    assert f"grants: 2 changed, 1 removed, {GRANTS - 3} unchanged" in told, told
    assert "changed: g3: allowRefresh false → true" in told and "changed: g5: reason none → for audits" in told, told
    assert f"removed: g{GRANTS - 1}: {sources[-2]} → target, standard, requester" in told, told
    assert "g7" not in told

    stack.configure(*[{**each, "realm": "nowhere"} for each in grants])
    told = stack.refused("preview").output
    assert told.rpartition("Diagnostics:")[2].count("the realm does not exist") == 1, told
    assert f"error: grants 'g0', 'g1', 'g2' and {GRANTS - 3} more in realm 'nowhere': " in told, told
