"""A realm's graph for people and for programs: a table on a terminal, a line an edge in a pipe, JSON, Mermaid."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from exchange.graph.graph import ALLOWED, BY_ROLES, DEAD, DECLARED, IMPLIED, KINDS, UNDECLARED, Edge, Graph
from exchange.terminal.printing import one_line, table
from kcadmin.objects.features import STANDARD
from kcadmin.rest import texts
from kcadmin.rest.texts import first_few, named
from reach.allowed import ANY_TOKEN, OWN_TOKEN
from reach.reasons import ANY_CLIENT, OWN, ROLES, Way

STYLES = {
    UNDECLARED: "bold red",
    DEAD: "bold magenta",
    IMPLIED: "yellow",
    DECLARED: "green",
    ALLOWED: "cyan",
    BY_ROLES: "dim",
}
WORDS = {ALLOWED: "allowed", BY_ROLES: "by users' roles"}
NAMES_SHOWN = 5
EVERY_CLIENT, CARRIERS = "any client", "any client with users' roles"
OUR_WORDS = (EVERY_CLIENT, CARRIERS, "itself", "none", "*")
MERMAID_EDGES = 500  # more are refused by Mermaid where no page says otherwise, as on GitHub
_ARROWS = {UNDECLARED: "==>", DEAD: "--x", IMPLIED: "-.->", DECLARED: "-->", ALLOWED: "-->", BY_ROLES: "-.->"}
_COLOURS = {
    UNDECLARED: "#d1242f",
    DEAD: "#8250df",
    IMPLIED: "#bf8700",
    DECLARED: "#1a7f37",
    ALLOWED: "#0969da",
    BY_ROLES: "#8c959f",
}


def shown_edges(graph: Graph, kinds: Collection[str], client: str | None) -> list[Edge]:
    """The edges of the given kinds and client; without kinds all but those by users' roles."""
    wanted = kinds or [kind for kind in KINDS if kind != BY_ROLES]
    return [
        edge
        for edge in graph.edges
        if edge.kind in wanted and (client is None or client in edge.clients or edge.sources == (ANY_CLIENT,))
    ]


def as_lines(graph: Graph, edges: Sequence[Edge]) -> list[str]:
    """A line each, never shortened."""
    return [_line(graph, edge) for edge in edges]


def as_table(graph: Graph, edges: Sequence[Edge]) -> Table:
    """A row each; the widths are the console's."""
    made = table()
    made.add_column("Kind", no_wrap=True)
    for header in ("Requester", "exchanges tokens of", "for", "because"):
        made.add_column(header, overflow="fold")
    for edge in edges:
        why = "; ".join(dict.fromkeys(_because(graph, edge)))
        ends = (
            first_few([_source(each) for each in edge.sources]),
            first_few([_audience(to) for to in edge.audiences]),
        )
        cells = (_told(edge.requester), *ends, why)
        made.add_row(Text(word(edge.kind), STYLES[edge.kind]), *(Text(cell) for cell in cells))
    return made


def summary(graph: Graph) -> str:
    """The realm in a sentence or two."""
    kinds = [kind for kind in KINDS if graph.count(kind) or (graph.compared and kind in (UNDECLARED, DEAD))]
    counts = ", ".join(f"{graph.count(kind)} {word(kind)}" for kind in kinds) or "no exchange is possible"
    few = f"{graph.without} of {len(graph.clients)} clients take part in none, users' roles aside."
    return f"Realm {texts.named(graph.realm)} at {graph.url}: {counts}. {few}"


def as_json(graph: Graph, edges: Sequence[Edge]) -> str:
    """One object: counts, notes, and the edges with their reasons."""
    found = {
        "realm": graph.realm,
        "url": graph.url,
        "comparedWithStack": graph.compared,
        "counts": {kind: graph.count(kind) for kind in KINDS},
        "clients": len(graph.clients),
        "clientsWithoutExchange": graph.without,
        "notJudged": list(graph.notes),
        "edges": [_object(graph, edge) for edge in edges],
    }
    return json.dumps(found, indent=2, ensure_ascii=False)


def as_mermaid(graph: Graph, edges: Sequence[Edge]) -> str:
    """A flowchart: from the client whose token it is to the client that the new one is for, by the requester between them."""
    nodes: dict[str, str] = {}
    lines: list[str] = []
    styles: dict[str, list[int]] = {}
    arrows = [(edge, *ends) for edge in edges for ends in _arrows(edge)]
    for edge, source, target, label in arrows[:MERMAID_EDGES]:
        ids = [nodes.setdefault(name, f"c{len(nodes)}") for name in (source, target)]
        said = f'|"{_escaped(label)}"|' if label else ""
        styles.setdefault(edge.kind, []).append(len(lines))
        lines.append(f"  {ids[0]} {_ARROWS[edge.kind]}{said} {ids[1]}")
    left = len(arrows) - MERMAID_EDGES
    legend = ", ".join(f"{word(kind)} {_ARROWS[kind]}" for kind in styles) or "no exchange of these kinds"
    return "\n".join(
        [
            f"%% Realm {_escaped(graph.realm)}: {legend}",
            *(
                [f"%% {left} more are left out, Mermaid takes {MERMAID_EDGES}; narrow with --kind or --client"]
                * (left > 0)
            ),
            "flowchart LR",
            *(f'  {identity}["{_escaped(name)}"]' for name, identity in nodes.items()),
            *lines,
            *(f"  linkStyle {','.join(map(str, held))} stroke:{_COLOURS[kind]}" for kind, held in styles.items()),
            "",
        ]
    )


def word(kind: str) -> str:
    """A kind as people read it."""
    return WORDS.get(kind, kind)


def edge_reasons(graph: Graph, edge: Edge) -> tuple[list[str], list[str]]:
    """Why a requester may exchange the sources' tokens, and why it gets tokens for the audiences, in words."""
    held, named = _ways(graph, edge)
    return list(dict.fromkeys(map(graph.why, held))), list(dict.fromkeys(map(graph.why, named)))


def with_reason(graph: Graph, grant: str) -> str:
    """A grant's name, with the reason that it gives."""
    return f"{grant} ({one_line(graph.reasons[grant])})" if grant in graph.reasons else grant


def _ways(graph: Graph, edge: Edge) -> tuple[list[Way], list[Way]]:
    held = [way for source in edge.sources for way in graph.source_ways.get((edge.requester, source), ())]
    named = [way for to in edge.audiences if to for way in graph.audience_ways.get((edge.requester, to), ())]
    return held, named


def _because(graph: Graph, edge: Edge) -> Iterator[str]:
    if edge.why_not:
        yield from edge.why_not
        return
    if edge.grants:
        yield f"{'grant' if len(edge.grants) == 1 else 'grants'} {', '.join(with_reason(graph, each) for each in edge.grants)}"
    elif edge.kind != BY_ROLES:
        yield from _unmanaged(graph, edge)[:NAMES_SHOWN] or _opened_by(graph, edge)[:NAMES_SHOWN]
    if edge.when:
        yield f"when {' and '.join(edge.when)}"


def _line(graph: Graph, edge: Edge) -> str:
    parts = [
        f"{edge.kind}:",
        f"requester={_told(edge.requester)}",
        f"exchange={edge.exchange}",
        f"sources={','.join('*' if each is ANY_CLIENT else _told(each) for each in edge.sources)}",
        f"audience={','.join('none' if to is None else _told(to) for to in edge.audiences)}",
    ]
    parts += [f"grants={','.join(edge.grants)}"] if edge.grants else []
    parts += [f"when: {' and '.join(edge.when)}"] if edge.when else []
    parts += [f"refused: {'; '.join(edge.why_not)}"] if edge.why_not else []
    if edge.kind not in (DECLARED, BY_ROLES, DEAD):
        parts.append(f"because: {'; '.join(_opened_by(graph, edge))}")
    return one_line(" ".join(parts))  # a name may hold a line break


def _unmanaged(graph: Graph, edge: Edge) -> list[str]:
    """What allows an exchange and belongs to no stack: check it first."""
    held, named = _ways(graph, edge)
    switch = _unclaimed_switch(graph, edge)
    found = [way.by for way in (*held, *named) if not way.owner and way.kind not in (OWN, ROLES) and way != ANY_TOKEN]
    return list(dict.fromkeys([*switch, *found]))


def _unclaimed_switch(graph: Graph, edge: Edge) -> list[str]:
    on = graph.switch(edge.requester)
    return [on] if on and edge.exchange == STANDARD and not graph.switches[edge.requester] else []


def _opened_by(graph: Graph, edge: Edge) -> list[str]:
    """All reasons; that of a switch only if no stack claims it."""
    held, named = edge_reasons(graph, edge)
    found = [why for why in (*held, *named) if why != OWN_TOKEN.by]
    return list(dict.fromkeys([*_unclaimed_switch(graph, edge), *found]))


def _object(graph: Graph, edge: Edge) -> dict[str, Any]:
    held, named = edge_reasons(graph, edge)
    return {
        "kind": edge.kind,
        "requester": edge.requester,
        "exchange": edge.exchange,
        "sources": "any" if edge.sources == (ANY_CLIENT,) else list(edge.sources),
        "audiences": list(edge.audiences),
        "grants": list(edge.grants),
        "reasons": {grant: graph.reasons[grant] for grant in edge.grants if grant in graph.reasons},
        "when": list(edge.when),
        "whyNot": list(edge.why_not),
        "why": {
            "switch": graph.switch(edge.requester) if edge.exchange == STANDARD else None,
            "sources": held,
            "audiences": named,
        },
    }


def _arrows(edge: Edge) -> Iterator[tuple[str, str, str]]:
    if edge.kind == BY_ROLES:
        yield CARRIERS, _told(edge.requester), word(edge.kind)
        return
    for source in edge.sources:
        for to in edge.audiences:
            own = source == edge.requester or to is None
            by = "" if own else f"by {_told(edge.requester)}"
            yield _source(source), _told(edge.requester if to is None else to), by


def _audience(to: str | None) -> str:
    return "itself" if to is None else _told(to)


def _source(client_id: str) -> str:
    return EVERY_CLIENT if client_id is ANY_CLIENT else _told(client_id)


def _told(client_id: str) -> str:
    """A client id; in quotes where it could be taken for a word of ours, or for several ids."""
    return named(client_id) if client_id in OUR_WORDS or "," in client_id or "'" in client_id else client_id


def _escaped(text: str) -> str:
    """Text within Mermaid's quotes."""
    return "".join(each if each.isalnum() or each in " ._-:/'" else f"#{ord(each)};" for each in text)
