"""How often a server is asked, and how often written to."""

from collections import Counter

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.e2e.stack import Run

PHASES, PROCESSES = 2, 4  # preview and update, program and plugin each


def asked(run: Run) -> str:
    return "\n".join(str(request) for request in run.requests)


def frugal(run: Run) -> None:
    """One login a process, one serverinfo a phase, one look-up of a client a process."""
    assert run.logins <= PROCESSES, asked(run)
    paths = Counter(request.path for request in run.requests if request.method == "GET")
    assert paths["/admin/serverinfo"] <= PHASES, asked(run)
    lookups = {path: number for path, number in paths.items() if "clients?clientId=" in path}
    assert lookups and all(number <= run.logins for number in lookups.values()), asked(run)


@pytest.mark.standard_exchange
@pytest.mark.parametrize(("flow", "writes"), [("requester", 2), ("recipient", 3)])
def test_first_standard_grant(flow: str, writes: int, renewed: MakeRealm, new_stack: NewStack) -> None:
    realm = renewed("standard")
    stack = new_stack(realm, "standard")
    stack.configure(grant(flows=[flow]))
    run = stack.up()
    assert len(run.writes) == writes, asked(run)
    frugal(run)
    gone = stack.destroy("--skip-preview")
    assert len(gone.writes) == writes, asked(gone)


def test_first_and_second_legacy_grant(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("legacy", frontend={}, mobile={}, api={})
    stack = new_stack(realm, "legacy")
    first = grant(flows=["requester"])
    stack.configure(first, exchange="legacy")
    run = stack.up()
    assert len(run.writes) == 4, asked(run)
    frugal(run)

    stack.configure(first, grant("second", source="mobile", flows=["requester"]))
    run = stack.up()
    assert len(run.writes) == 2, asked(run)
    frugal(run)


PAIRS = 24  # more resources than a program has before the engine at a time
LOGINS, LIST = 2, 2  # of program and plugin; a probe and a page
WHAT_OPENS = (
    6  # features, client scopes and one's roles, client policies, of which none is enabled, roles of two clients
)
LOOK_AT_PERMISSIONS, EXPORT, FEATURES = 4, 1, 1


@pytest.mark.parametrize(
    ("exchange", "looks"),
    [
        pytest.param("standard", 2 * LIST, marks=pytest.mark.standard_exchange),
        ("legacy", 2 * LIST + EXPORT + FEATURES + LOOK_AT_PERMISSIONS),
    ],
)
def test_a_quiet_refresh_of_many_grants_reads_lists(
    exchange: str, looks: int, renewed: MakeRealm, new_stack: NewStack
) -> None:
    names = [f"{kind}-{number}" for number in range(PAIRS) for kind in ("source", "target")]
    realm = renewed(exchange, **{name: {} for name in names})
    stack = new_stack(realm, exchange)
    grants = [
        grant(f"g{number}", source=f"source-{number}", target=f"target-{number}", flows=["requester"])
        for number in range(PAIRS)
    ]
    stack.configure(*grants, exchange=exchange)
    made = stack.up("--skip-preview")
    assert len(made.writes) == PAIRS * (2 if exchange == "standard" else 4), asked(made)

    quiet = stack.run("preview", "--refresh", "--expect-no-changes")
    assert len(quiet.requests) == LOGINS + looks, asked(quiet)

    if exchange == "standard":
        realm.change("source-3", attributes={"standard.token.exchange.enabled": "false"})
        seen = stack.run("preview", "--refresh", "--diff")
        assert "source-3/standard-exchange" in seen.output and "source-4/standard-exchange" not in seen.output
        assert len(seen.requests) == LOGINS + looks + WHAT_OPENS, asked(seen)
    else:
        gone = stack.destroy("--skip-preview")
        assert len(gone.writes) == len(made.writes), asked(gone)
        asked_again = [each for each in gone.requests if each.method == "GET" and "/management/" in each.path]
        assert not asked_again, asked(gone)


@pytest.mark.standard_exchange
def test_realms_share_a_login(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realms = [make_realm("standard") for _ in range(3)]
    stack = new_stack(realms[0], "standard")
    stack.configure(*(grant(realm.name, flows=["requester"], realm=realm.name) for realm in realms))
    made = stack.up()
    assert made.logins <= PROCESSES, asked(made)
    assert len(made.writes) == 2 * len(realms), asked(made)

    quiet = stack.preview("--refresh", "--expect-no-changes")
    assert quiet.logins == LOGINS, asked(quiet)
    in_each = {
        realm.name: sum(f"/realms/{realm.name}/" in f"{each.path}/" for each in quiet.requests) for realm in realms
    }
    assert len({*in_each.values()}) == 1, asked(quiet)
    assert sum(in_each.values()) + LOGINS + FEATURES == len(quiet.requests), asked(quiet)
