"""Each source whose tokens give access to a target is one more way to attack it."""

from collections import defaultdict
from collections.abc import Iterator

from kcadmin.rest.texts import named, quoted
from policy.rule import ADVISORY, Rule, Violation, whole_number
from policy.stack import Stack


def findings(stack: Stack, *, sources: int) -> Iterator[Violation]:
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for grant in stack.grants:
        found[grant.realm, grant.target] |= set(grant.sources)
    for (realm, target), names in found.items():
        if len(names) > sources:
            yield Violation(
                f"target {named(target)} in realm {named(realm)}: has {len(names)} sources ({quoted(sorted(names))}), "
                f"more than {sources}; remove some, or raise the limit."
            )


RULE = Rule(
    name="targets-have-few-sources",
    sentence="A target has only a few sources.",
    severity=ADVISORY,
    reference="https://www.rfc-editor.org/rfc/rfc9700#section-2.3",
    check=findings,
    limits={"sources": whole_number(5, "the most sources of one target, over all grants")},
)
