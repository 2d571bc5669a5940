"""Names and texts of a server are anybody's choice: in what the real ``pulumi`` prints they are text, and nothing obeys them."""

import json
import re
import unicodedata

from kcadmin.rest.texts import OBEYED
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.support.proxy import proxy_before, says
from tests.support.realms import TestRealm

HOSTILE = "x\x1b]0;pwned\x07\x1b[2K\x1b[1A\x9b2K\r\nerror: fake\u2028error: fake <{%fg 1%}><{%unknown%}>\u202e\u200b##[error]fake"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TOLD = "u001b]0;pwned"  # Pulumi quotes the backslash before it, or not


def safe(output: str) -> str:
    """What a run printed, after a look at its letters and lines; Pulumi's own colours left out."""
    output = COLOUR.sub("", output)
    obeyed = {each for each in output if each != "\n" and unicodedata.category(each) in OBEYED}
    assert not obeyed, (obeyed, output)
    assert not [line for line in output.splitlines() if re.match(r"\W*error: fake", line)], output
    assert "panic" not in output and "<{%" not in output and "##[" not in output, output
    return output


def change_mapper(realm: TestRealm, audience: str) -> None:
    """Somebody changes the audience of our mapper."""
    (ours,) = [each for each in realm.client("frontend")["protocolMappers"] if each["name"].startswith("audience-api")]
    at = realm.at("clients", realm.uuid("frontend"), "protocol-mappers", "models", ours["id"])
    realm.session.put(at, {**ours, "config": {**ours["config"], "included.client.audience": audience}})


def test_names_of_a_realm(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("legacy")
    realm.mapper("frontend", HOSTILE, "api", **{"id.token.claim": "true"})
    realm.session.post(realm.at("clients", realm.uuid("api"), "roles"), {"name": HOSTILE})
    stack = new_stack(realm, "legacy")
    stack.configure(grant(flows=["recipient"], requiredRoles=["vip"], audience="optionalScope"), exchange="standard")
    assert TOLD in safe(stack.refused("preview").output)
    stack.configure(grant(), exchange="standard")
    safe(stack.up("--skip-preview").output)
    change_mapper(realm, HOSTILE)
    assert TOLD in safe(stack.preview("--refresh", "--diff", "--color=always").output)
    assert TOLD in safe(stack.refresh("--skip-preview", "--diff").output)
    assert TOLD in safe(stack.up("--skip-preview", "--diff").output)
    mapped = [each["config"]["included.client.audience"] for each in realm.client("frontend")["protocolMappers"]]
    assert mapped == ["api", "api"]
    assert r"\x1b]0;pwned" in safe(stack.destroy("--skip-preview").output)  # in quotes, as a name


def test_texts_of_a_server(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("legacy")
    stack = new_stack(realm, "legacy")
    stack.configure(grant(), exchange="standard")
    stack.up("--skip-preview")
    answer = json.dumps({"error": "e", "error_description": HOSTILE, "errorMessage": HOSTILE}).encode()
    with proxy_before(realm.url) as proxy:
        stack.env["KEYCLOAK_URL"] = proxy.url
        proxy.fault = says(400, answer)
        for at in (r"POST .*/token$", r"GET /admin/realms/[^/]+/clients\?"):
            for command in (("preview", "--color=always"), ("destroy", "--yes", "--skip-preview")):
                proxy.first = lambda request, at=at: bool(re.match(at, request))  # type: ignore[misc]
                assert TOLD in safe(stack.refused(*command).output)
    stack.env["KEYCLOAK_URL"] = realm.url
    stack.destroy("--skip-preview")
