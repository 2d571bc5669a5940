"""Grants in files, and config as people write it."""

import json

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, exchanged, grant

IN_A_FILE = """# the shop's
- name: in-a-file
  sources: [frontend]
  target: api
  flows: [requester]
  reviewBy: 2027-06-30
"""


@pytest.mark.standard_exchange
def test_a_folder_beside_a_config_of_json_text(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("standard")
    realm.add_client("kiosk")
    before = realm.export()
    stack = new_stack(realm, "standard")
    file = stack.project / "grants" / "shop.yaml"
    file.parent.mkdir()
    file.write_text(IN_A_FILE.replace("name", "nam"))
    stack.configure(grantsFile="grants", gaurds=["sources"])
    told = stack.refused("preview").output
    assert (
        f"grant '#1' in realm '{realm.name}' ('grants/shop.yaml', line 2): has the unknown key 'nam'; did you" in told
    )
    assert "config 'gaurds': is read by nothing; did you mean 'guards'?" in told, told

    file.write_text(IN_A_FILE)
    stack.configure(grant("in-a-file", target="kiosk"), gaurds=None)
    told = stack.refused("preview").output
    where = "the name is used by several grants, in the stack's config and in 'grants/shop.yaml', line 2; give each its own."
    assert f"line 2): {where}" in told and f"'{realm.name}': {where}" in told, told

    stack.run("config", "set", "grants", json.dumps([grant("text", source="kiosk", flows=["requester"])]))
    stack.up("--skip-preview")
    for client in ("frontend", "kiosk"):
        exchanged(realm, client, "api", "standard", source=client, asks=True)
    assert stack.grants()["in-a-file"]["reviewBy"] == "2027-06-30"
    done = stack.exchange("verify", "--dry-run")
    assert "2 of 2" in done.stdout or done.returncode == 3, done.stdout + done.stderr
    file.write_text("# moved away\n\n" + IN_A_FILE)
    assert stack.preview("--expect-no-changes").writes == []  # a line is no property of a grant
    stack.destroy("--skip-preview")
    as_it_was(realm, before, "standard")
