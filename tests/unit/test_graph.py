"""The graph of a realm: what is declared, implied, undeclared, dead or by roles, and how it is shown."""

import base64
import hashlib
import io
import json
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from exchange.graph.graph import Edge, Graph, graph_of
from exchange.graph.page import as_page
from exchange.graph.report import MERMAID_EDGES, as_json, as_lines, as_mermaid, as_table, shown_edges, summary
from reach.allowed import realm_reach
from reach.proof import RECIPIENT, REQUESTER, THIRD, Case
from reach.reasons import ANY_CLIENT
from reach.roles import RoleFacts
from reach.survey import Survey
from tests.support.surveys import BOTH, client, mapper, policy, survey

PAGE_BYTES, SECONDS, TRIES = 1_000_000, 2.0, 5


def case(grant: str, source: str, requester: str, target: str, exchange: str = "standard", flow: str = "") -> Case:
    flow = flow or (RECIPIENT if requester == target else REQUESTER if requester == source else THIRD)
    return Case(grant, "r", exchange, flow, source, requester, target, audience=None if flow == RECIPIENT else target)


def graph(found: Survey, *cases: Case, roles: RoleFacts | None = None, compared: bool = True) -> Graph:
    reach = realm_reach(found, roles or RoleFacts())
    return graph_of(reach, "r", "https://keycloak.example", cases if compared else None)


def test_the_reason_of_a_grant_is_shown_with_its_name() -> None:
    cases, words = [case("one", "a", "b", "b")], "billing\nfor [bold]"
    reach = realm_reach(survey(client("a", of("o/p/s", "b")), client("b", switch=True)), RoleFacts())
    made = graph_of(reach, "r", "https://keycloak.example", cases, {"one": words, "other": "x"})
    (edge,) = (edge for edge in made.edges if edge.grants)
    screen = Console(file=io.StringIO(), width=200)
    screen.print(as_table(made, [edge]))
    assert "grant one (billing for [bold])" in screen.file.getvalue()  # type: ignore[attr-defined]
    assert json.loads(as_json(made, [edge]))["edges"][0]["reasons"] == {"one": words}
    assert "one (billing for [bold])" in as_page(made, [edge], "now")


def kinds(found: Graph) -> dict[tuple[str, str, str | None], str]:
    return {
        (edge.requester, source, to): edge.kind
        for edge in found.edges
        for source in edge.sources
        for to in edge.audiences
    }


def of(owner: str, audience: str) -> dict[str, Any]:
    return mapper(audience, **{"pulumi.owner": owner})


def test_declared_implied_undeclared_and_dead() -> None:
    found = survey(
        client("a", of("o/p/s", "b")),
        client("b", of("o/p/s", "b"), of("o/p/s", "c"), switch=True),
        client("c"),
        client("x", "b"),
        client("off", of("o/p/s", "c")),
    )
    cases = (case("one", "a", "b", "b"), case("two", "b", "b", "c"), case("late", "off", "off", "c"))
    made = graph(found, *cases)
    assert kinds(made) == {
        ("b", "a", None): "declared",
        ("b", "b", "c"): "declared",
        ("b", "a", "c"): "implied",
        ("b", "x", None): "undeclared",
        ("b", "x", "c"): "undeclared",
        ("off", "off", "c"): "dead",
    }
    by_kind = {edge.kind: edge for edge in made.edges}
    assert by_kind["implied"].grants == ("one", "two")
    assert by_kind["dead"].why_not == ("the standard exchange of 'off' is switched off",)
    assert made.without == 1 and made.edges[0].kind == "undeclared"
    assert made.why(made.source_ways["b", "a"][0]) == "the audience mapper 'to b' of 'a' (o/p/s)"


def test_without_a_stack_everything_is_allowed() -> None:
    made = graph(survey(client("a", "b"), client("b", switch=True)), compared=False)
    assert kinds(made) == {("b", "a", None): "allowed"}


def test_a_declared_exchange_that_the_other_one_answers_is_dead_and_undeclared() -> None:
    found = survey(client("a", "b"), client("b", "b"), features=BOTH)
    made = graph(found, case("one", "a", "b", "b"))
    assert [(edge.kind, edge.exchange) for edge in made.edges] == [("undeclared", "legacy"), ("dead", "standard")]
    assert made.edges[1].why_not == ("the standard exchange of 'b' is switched off, so the legacy one answers it",)


def test_a_legacy_grant_implies_any_clients_token() -> None:
    mine, theirs = policy("client", "mine", "a"), policy("client", "theirs", "x")
    found = survey(
        client("a"),
        client("b"),
        client("x"),
        policies=(mine, theirs),
        permissions={"b": ("mine", "theirs")},
        features=BOTH,
    )
    made = graph(found, case("one", "a", "a", "b", "legacy"))
    assert kinds(made) == {
        ("a", "a", "b"): "declared",
        ("a", ANY_CLIENT, "b"): "implied",
        ("x", ANY_CLIENT, "b"): "undeclared",
    }


def test_a_client_may_be_called_like_a_word_of_ours() -> None:
    names = ("*", "any client", "any", "itself", "none", "a,b", "a', 'b")
    star = graph(
        survey(client("*"), client("x", "any client", "*"), client("any client", switch=True), *map(client, names[2:]))
    )
    assert not any(edge.sources == (ANY_CLIENT,) for edge in star.edges)
    assert shown_edges(star, [], "none") == []
    told = [each for each in star.edges if each.requester == "any client"]
    assert [each["sources"] for each in json.loads(as_json(star, told))["edges"]] == [["x"]]
    assert all("requester='any client'" in line for line in as_lines(star, told))
    assert all(made not in as_mermaid(star, told) for made in ('["any client"]', '["*"]'))
    found = survey(
        client("*"), client("x"), policies=(policy("client", "p", "x"),), permissions={"*": ("p",)}, features=BOTH
    )
    made = graph(found)
    assert kinds(made)["x", ANY_CLIENT, "*"] and ("x", "*", "*") not in kinds(made)
    assert {str(each["sources"]) for each in json.loads(as_json(made, made.edges))["edges"]} == {"any"}
    assert " sources=* audience='*'" in as_lines(made, made.edges)[0]


def test_what_a_grants_owner_put_there_besides_is_implied() -> None:
    """A legacy grant with required roles has its client scope at the source, which opens the recipient exchange, too."""
    scope = {"name": "gate", "id": "g", "attributes": {"pulumi.owner": "o/p/s#one"}, "protocolMappers": [mapper("b")]}
    found = survey(
        client("a", of("o/p/s", "c"), defaultClientScopes=["gate"]),
        client("b"),
        client("c", "c", switch=True),
        scopes={"gate": scope},
        policies=(policy("client", "mine", "a"),),
        permissions={"b": ("mine",)},
        features=BOTH,
    )
    made = graph(found, case("one", "a", "a", "b", "legacy"), case("two", "a", "c", "c"))
    assert kinds(made)["b", "a", None] == "implied"
    assert next(edge.grants for edge in made.edges if edge.requester == "b") == ("one",)


def test_users_roles_are_a_kind_of_their_own() -> None:
    roles = RoleFacts(
        defined={"b": ("user",), "c": ("user",)}, client_clients={"a": frozenset("b"), "b": frozenset("c")}
    )
    found = survey(client("a"), client("b", switch=True), client("c"), client("d", "b"))
    made = graph(found, case("one", "a", "b", "c"), roles=roles)
    assert kinds(made) == {
        ("b", "a", "c"): "declared",
        ("b", "d", None): "undeclared",
        ("b", "a", None): "roles",
        ("b", "d", "c"): "roles",
        ("b", "b", "c"): "roles",
    }
    declared = next(edge for edge in made.edges if edge.kind == "declared")
    assert declared.when == ("the user has a role of 'b'", "the user has a role of 'c'")
    assert {edge.kind for edge in shown_edges(made, (), None)} == {"undeclared", "declared"}
    assert [edge.kind for edge in shown_edges(made, ("roles",), "d")] == ["roles"]


def example() -> Graph:
    found = survey(
        client("a", of("o/p/s", "b")),
        client("b", of("o/p/s", "b"), switch=True),
        client('<x "y">', "b", optionalClientScopes=["more"]),
        client("idle"),
    )
    return graph(found, case("one", "a", "b", "b"))


def test_lines_say_everything() -> None:
    made = example()
    assert as_lines(made, made.edges) == [
        'undeclared: requester=b exchange=standard sources=<x "y"> audience=none '
        "because: the standard exchange of 'b' is switched on (by no stack); the audience mapper 'to b' of '<x \"y\">'",
        "declared: requester=b exchange=standard sources=a audience=none grants=one",
    ]
    assert summary(made) == (
        "Realm 'r' at https://keycloak.example: 1 undeclared, 0 dead, 1 declared. "
        "1 of 4 clients take part in none, users' roles aside."
    )
    assert summary(graph(survey(client("a")), compared=False)) == (
        "Realm 'r' at https://keycloak.example: no exchange is possible. 1 of 1 clients take part in none, users' roles aside."
    )


def test_the_table_fits_a_terminal() -> None:
    made = example()
    console = Console(width=80, record=True, file=None, force_terminal=False)
    with console.capture() as held:
        console.print(as_table(made, made.edges))
    text = held.get()
    assert "undeclared" in text and "grant one" in text and max(map(len, text.splitlines())) <= 80


def test_json_has_the_reasons() -> None:
    made = example()
    found = json.loads(as_json(made, made.edges))
    assert found["counts"]["undeclared"] == 1 and found["clientsWithoutExchange"] == 1
    assert found["edges"][0]["why"]["sources"] == ["the audience mapper 'to b' of '<x \"y\">'"]


def test_mermaid_quotes_names_and_says_what_it_leaves_out() -> None:
    made = example()
    assert as_mermaid(made, made.edges).splitlines() == [
        "%% Realm r: undeclared ==>, declared -->",
        "flowchart LR",
        '  c0["#60;x #34;y#34;#62;"]',
        '  c1["b"]',
        '  c2["a"]',
        "  c0 ==> c1",
        "  c2 --> c1",
        "  linkStyle 0 stroke:#d1242f",
        "  linkStyle 1 stroke:#1a7f37",
    ]
    assert as_mermaid(made, []).splitlines() == ["%% Realm r: no exchange of these kinds", "flowchart LR"]
    many = Edge("implied", "r", "standard", tuple(f"s{n}" for n in range(600)), (None, "t"))
    lines = as_mermaid(made, [many]).splitlines()
    assert "700 more are left out" in lines[1] and sum("-.->" in line for line in lines[1:]) == MERMAID_EDGES


def test_the_page_needs_nothing_and_hides_no_script_in_its_data() -> None:
    made = example()
    page = as_page(made, made.edges, "now")
    assert not re.search(r"https?://(?!keycloak\.example|www\.w3\.org/2000/svg)", page)
    assert "default-src 'none'" in page and '<x "y">' not in page and "\\u003cx" in page
    assert page.count("</script>") == 2


def test_a_browser_runs_the_pages_own_script_alone() -> None:
    """By its hash, so that neither a handler in an attribute nor a script that a name brought would run."""
    made = replace(example(), realm="</script><script>alert(1)</script>\ud800\u2028", url="/*script*/ /*script hash*/")
    page = as_page(made, made.edges, "now")
    assert page.encode("utf-8")
    policy_line = next(line for line in page.splitlines() if "Content-Security-Policy" in line)
    assert "unsafe" not in policy_line
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy_line
    stored = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert json.loads(stored[0])["realm"] == made.realm and json.loads(stored[0])["url"] == made.url


def large(count: int, *, legacy: bool) -> tuple[Survey, RoleFacts]:
    """Chains, a hub, permissions, and full scope with roles at every client, as Keycloak makes clients."""
    names = [f"service-{number:04}" for number in range(count)]
    clients = []
    for number, name in enumerate(names):
        to = [names[number - 1]] if number % 3 else []
        to += ["hub"] if number % 4 == 0 else []
        clients.append(client(name, *to, switch=number % 5 == 0, fullScopeAllowed=True))
    clients.append(client("hub", *names[:40], switch=True, fullScopeAllowed=True))
    policies = [policy("client", f"p{number}", names[number], names[-number - 1]) for number in range(200)]
    permissions = {names[number]: (f"p{number}",) for number in range(200)} if legacy else {}
    found = survey(
        *clients, policies=tuple(policies), permissions=permissions, **({"features": BOTH} if legacy else {})
    )
    return found, RoleFacts(defined=dict.fromkeys(names, ("user", "admin")))


@pytest.mark.parametrize("legacy", [False, True])
def test_a_thousand_clients_are_quick(legacy: bool) -> None:
    found, roles = large(1000, legacy=legacy)
    cases = [case(f"g{number}", f"service-{number:04}", "hub", "service-0001") for number in range(0, 1000, 40)]
    took: list[float] = []
    while len(took) < TRIES and min(took, default=SECONDS) >= SECONDS:  # what else runs takes its share of a processor
        started = time.process_time()
        made = graph_of(realm_reach(found, roles), "large", "https://keycloak.example", cases)
        page = as_page(made, made.edges, "now")
        lines = as_lines(made, shown_edges(made, (), None))
        took.append(time.process_time() - started)
    print(f"{len(made.edges)} edges, {len(lines)} lines, page of {len(page):,} characters, {took} s")
    assert min(took) < SECONDS and len(page) < PAGE_BYTES
    assert {"declared", "undeclared", "roles"} <= {edge.kind for edge in made.edges}
    assert _exchanges(made.edges) > 1_000_000 * (50 if legacy else 1)


def _exchanges(edges: Sequence[Edge]) -> int:
    return sum(edge.size for edge in edges)
