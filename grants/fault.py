"""A fault of a grant in a sentence, and one sentence for the same fault of many."""

from collections.abc import Collection, Iterable

from kcadmin.rest.texts import shown, some

FEW, NAMED = 3, 3
"""So many equal faults are listed one by one; of more, the grants' names."""


class GrantFault(str):
    """A sentence on a grant. words: what is wrong, and what to do."""

    grant: str
    realm: str
    words: str

    def __new__(cls, grant: str, realm: str, words: str, place: str = "") -> "GrantFault":
        fault = super().__new__(cls, f"{subject(grant, realm, place)}: {words}.")
        fault.grant, fault.realm, fault.words = grant, realm, words
        return fault


def subject(grant: str, realm: str, place: str = "") -> str:
    """The words for a grant in a sentence. place: its file and line, if it is in a file."""
    return f"grant {shown(grant)} in realm {shown(realm)}{f' ({place})' if place else ''}"


def told_once(faults: Iterable[str], apart: Collection[str] = ()) -> list[str]:
    """Faults in order. A fault that many grants of a realm share, such as a missing realm, is one sentence.

    :param apart: names of grants that have sentences of their own.
    """
    alike: dict[tuple[str, str], list[str]] = {}
    for fault in faults:
        key = ("", str(fault))
        if isinstance(fault, GrantFault) and fault.grant not in apart:
            key = fault.realm, fault.words
        alike.setdefault(key, []).append(fault)
    return [text for same in alike.values() for text in (same if len(same) <= FEW else [_of_many(same)])]


def _of_many(same: list[str]) -> str:
    faults = [each for each in same if isinstance(each, GrantFault)]
    if not faults:
        return same[0]
    names = some((each.grant for each in faults), NAMED)
    return f"grants {names} in realm {shown(faults[0].realm)}: {faults[0].words}."
