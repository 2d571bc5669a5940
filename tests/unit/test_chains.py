"""Which grants give a service its token, and in which order they are tried."""

from dataclasses import replace

from reach.chains import Chains
from reach.verdict import Case

GRANT = Case("g", "r", "standard", "recipient", "web", "a", "a")


def grant(source: str, requester: str, audience: str | None = None) -> Case:
    name = f"{source}-{requester}"
    return replace(
        GRANT, grant=name, source=source, requester=requester, target=audience or requester, audience=audience
    )


def names(cases: list[Case]) -> list[str]:
    return [each.grant for each in cases]


def test_the_shortest_chain_comes_first_and_circles_last() -> None:
    chains = Chains([grant("c", "b"), grant("a", "b"), grant("web", "a"), grant("b", "c"), grant("web", "b")])
    shorter, longer = chains.to("r", "b", "x")
    assert (names(shorter), names(longer)) == (["web-b"], ["a-b", "c-b"])
    assert chains.to("r", "web", "x") == chains.to("elsewhere", "b", "x") == ([], [])


def test_clients_of_a_circle_alone_have_no_shorter_way() -> None:
    chains = Chains([grant("a", "b"), grant("b", "a")])
    assert [names(each) for each in chains.to("r", "a", "x")] == [[], ["b-a"]]


def test_a_token_for_one_audience_is_of_use_there_and_to_its_own_client() -> None:
    chains = Chains([grant("web", "m", "d"), grant("m", "m", "d")])
    assert [names(chains.to("r", "m", asks)[0]) for asks in ("d", "m", "x", None)] == [["web-m"], ["web-m"], [], []]
    asking = Chains([replace(grant("web", "a"), login_scope="to-a")])
    assert [names(asking.to("r", "a", asks)[0]) for asks in ("x", None)] == [["web-a"], []]
