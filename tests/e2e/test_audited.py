"""A stack whose realm records its exchanges: the audit names its grants, and destroy leaves nothing behind."""

import json
from collections.abc import Callable

import pytest

from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, grant
from tests.support.realms import TestRealm


@pytest.mark.standard_exchange
def test_events_come_and_go_with_the_stack(make_realm: Callable[..., TestRealm], new_stack: NewStack) -> None:
    realm = make_realm("standard")
    stack = new_stack(realm, "standard")
    before = realm.export()
    stack.configure(grant(), events=True)
    stack.up("--skip-preview")
    assert stack.up("--skip-preview", "--refresh").writes == []

    both_flows(realm, "standard")
    done = stack.exchange("audit", "--json")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    told = [(each["grants"], each["requester"], each["user"]) for each in json.loads(done.stdout)]
    assert told == [(["g"], "api", realm.user), (["g"], "frontend", realm.user)]

    stack.configure(grant(), events=False)
    assert stack.up("--skip-preview").counted()["deleted"] == 1 and not realm.get()["eventsEnabled"]
    stack.destroy("--skip-preview")
    as_it_was(realm, before, "standard")
