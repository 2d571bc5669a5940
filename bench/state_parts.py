"""What takes up room in a stack's state, by part."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SPACE, OTHERS = "white space", "type, id, flags"
OF_TYPE = {"pulumi:pulumi:Stack": "exports", "pulumi:providers:": "the stack's config"}
OF_FIELD = {
    "urn": "URN",
    "parent": "URNs of others",
    "dependencies": "URNs of others",
    "propertyDependencies": "URNs of others",
    "provider": "URNs of others",
    "stackTrace": "stack traces",
    "sourcePosition": "stack traces",
    "inputs": "inputs",
    "outputs": "outputs",
    "created": "times",
    "modified": "times",
}
PROVIDER_KEY = "__provider"
PROVIDERS = "providers, pickled"


@dataclass(frozen=True)
class StateSize:
    """Bytes: of the whole file, and of each part of it; the file is indented, so white space is a part."""

    total: int
    parts: Mapping[str, int]


def size_of(text: str) -> StateSize:
    """Measures the text of a state, as ``pulumi stack export`` gives it or a file backend keeps it."""
    state = json.loads(text)
    deployment = state.get("deployment") or state["checkpoint"]["latest"]
    parts: Counter[str] = Counter()
    for resource in deployment.get("resources") or ():
        for part, size in _of_resource(resource):
            parts[part] += size
    total = len(text.encode())
    return StateSize(total, dict(sorted({**parts, SPACE: total - parts.total()}.items(), key=lambda each: -each[1])))


def _of_resource(resource: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    whole = next((part for start, part in OF_TYPE.items() if resource["type"].startswith(start)), None)
    for field, value in resource.items():
        if whole:
            yield whole, _bytes(field, value)
            continue
        if field in ("inputs", "outputs") and PROVIDER_KEY in value:
            yield PROVIDERS, _bytes(PROVIDER_KEY, value[PROVIDER_KEY])
            value = {key: each for key, each in value.items() if key != PROVIDER_KEY}
        yield OF_FIELD.get(field, OTHERS), _bytes(field, value)


def _bytes(field: str, value: Any) -> int:
    return len(json.dumps({field: value}, ensure_ascii=False, separators=(",", ":")).encode()) - 1
