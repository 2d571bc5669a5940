"""A realm's graph as one HTML page that needs nothing else: style, script and data are within it.

The page lays the clients out anew at each change of its filters, in three columns, so no positions are computed here.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from exchange.graph.graph import BY_ROLES, KINDS, Edge, Graph
from exchange.graph.report import with_reason, word
from reach.reasons import ANY_CLIENT, Way

PARTS = Path(__file__).with_name("assets")
LONG = 50


def as_page(graph: Graph, edges: Sequence[Edge], made: str) -> str:
    """The HTML page. made: the time, as people read it."""
    data = json.dumps(_data(graph, edges, made), separators=(",", ":")).replace("<", "\\u003c")
    page = _part("graph.html")
    for name, text in (("style", _part("graph.css")), ("script", _part("graph.js"))):
        page = page.replace(f"/*{name} hash*/", _hash(text)).replace(f"/*{name}*/", text)
    return page.replace("/*data*/", data)


def _hash(text: str) -> str:
    """The hash by which the page's Content-Security-Policy allows this style or script, and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _part(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def _data(graph: Graph, edges: Sequence[Edge], made: str) -> dict[str, Any]:
    """Everything once: clients, lists of clients and ways are numbers where they are used.

    edges: [kind, requester, exchange, sources, audiences, grants, when, why not]; sources and audiences are numbers of lists,
    in which -1 is any client, or the requester itself. A long list says which of ``most`` it leaves out, for such lists are
    alike. held, named: [requester, client, numbers of sentences].
    """
    by_roles = [edge for edge in edges if edge.kind == BY_ROLES]
    most = {
        each for each in {*chain(*(names for edge in by_roles for names in (edge.sources, edge.audiences)))} if each
    }
    others = {*chain(*(edge.clients for edge in edges if edge.kind != BY_ROLES))}
    clients = sorted((most | others | {edge.requester for edge in by_roles}) - {ANY_CLIENT})
    number = {client: at for at, client in enumerate(clients)} | {ANY_CLIENT: -1}
    lists: dict[tuple[str | None, ...], int] = {}
    sentences: dict[str, int] = {}

    def listed(names: tuple[str | None, ...]) -> int:
        return lists.setdefault(names, len(lists))

    def stored(names: Sequence[str | None]) -> Any:
        if len(names) > LONG and most.issuperset(names):
            return {"but": sorted(number[each] for each in most.difference(names))}
        return [-1 if name is None else number[name] for name in names]

    def said(ways: Sequence[Way]) -> list[int]:
        return [sentences.setdefault(graph.why(way), len(sentences)) for way in ways]

    rows = [
        [
            KINDS.index(edge.kind),
            number[edge.requester],
            edge.exchange,
            listed(edge.sources),
            listed(edge.audiences),
            [with_reason(graph, grant) for grant in edge.grants],
            edge.when,
            edge.why_not,
        ]
        for edge in edges
    ]
    return {
        "realm": graph.realm,
        "url": graph.url,
        "made": made,
        "compared": graph.compared,
        "total": len(graph.clients),
        "without": graph.without,
        "notes": graph.notes,
        "kinds": [[kind, word(kind), graph.count(kind)] for kind in KINDS],
        "hidden": [BY_ROLES],
        "clients": clients,
        "switches": {number[name]: graph.switch(name) for name in graph.switches if name in number},
        "edges": rows,
        "most": sorted(number[each] for each in most),
        "lists": [stored(each) for each in lists],
        "held": [[number[r], number[c], said(w)] for (r, c), w in graph.source_ways.items() if {r, c} <= number.keys()],
        "named": [
            [number[r], number[c], said(w)] for (r, c), w in graph.audience_ways.items() if {r, c} <= number.keys()
        ],
        "sentences": list(sentences),
    }
