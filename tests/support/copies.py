"""A realm copied as people do it: its export, with other UUIDs, imported under another name; client policies by their own GET."""

import json
import re
import secrets
import uuid
from typing import Any

from tests.support.realms import KEY_PROVIDER, TestRealm, _keys

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HIDDEN = "**********"
LISTS = ("profiles", "policies")


def exported(realm: TestRealm) -> dict[str, Any]:
    """All that a copy needs."""
    whole = {"exportClients": "true", "exportGroupsAndRoles": "true"}
    lists = {kind: realm.get("client-policies", kind)[kind] for kind in LISTS}
    return {"realm": realm.session.post_json(realm.at("partial-export"), None, **whole), **lists}


def copied(realm: TestRealm, export: dict[str, Any], beside: TestRealm | None = None) -> TestRealm:
    """A new realm on the same server, or on that of another realm, made of an export of a realm."""
    there = beside or realm
    copy = TestRealm(there.url, there.admin_password, f"realm-{secrets.token_hex(4)}")
    known: dict[str, str] = {}
    text = json.dumps(export).replace(realm.name, copy.name)
    text = UUID.sub(lambda found: known.setdefault(found.group(), str(uuid.uuid4())), text)
    body = json.loads(text)
    made = {**body["realm"], "components": {KEY_PROVIDER: _keys()}}
    for client in made["clients"]:
        if client.get("secret") == HIDDEN:
            client["secret"] = "s"  # as all clients of tests have it
    copy.session.post("/admin/realms", made)
    copy.session = type(copy.session)(copy.connection)
    for kind in LISTS:
        copy.session.put(copy.at("client-policies", kind), {kind: body[kind]})
    copy.add_user(copy.user)
    return copy
