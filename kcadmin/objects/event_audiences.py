"""Finds the clients in the audiences of an event.

Keycloak joins their client ids into one text: with blanks in ``audience``, with a comma and a blank in the reason of a refusal. A
client id may contain both, so a text is split by the client ids that exist. Proven on 26.7.3: a token for ``Test API`` and one
for ``Test`` and ``API`` leave the same event.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice, pairwise

from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Forbidden

BLANK, COMMA = " ", ", "
MOST_READINGS = 32  # readings are listed; of more, only what an event may include is known


@dataclass(frozen=True)
class Audiences:
    """The audiences of an event.

    text: as Keycloak joined them. readings: the client ids and custom audiences, for each way to read the text; of many
    ways the first ones. Usually there is one, and none if the event contains no audience. some: audiences in any reading.
    alone: audiences that are the only one in some reading.
    """

    text: str = ""
    readings: tuple[frozenset[str], ...] = ()
    some: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.readings)

    def may_include(self, audience: str) -> bool:
        """Whether an audience is one of them, in any reading."""
        return audience in self.some

    def may_be_only(self, audience: str) -> bool:
        """Whether an audience is the only one, in any reading."""
        return audience in self.alone

    @property
    def shown(self) -> tuple[str, ...]:
        """In order; the text as it is where it can be read in several ways."""
        return tuple(sorted(self.readings[0])) if len(self.readings) == 1 else (self.text,) if self.text else ()


class ClientIds:
    """The client ids with which a realm's events are read; each is looked up once.

    :param realm: read only for texts that contain a blank or a comma; None: no server is read.
    :param known: client ids that exist, such as those of a stack's grants.
    """

    def __init__(self, realm: Realm | None = None, known: Iterable[str] = ()) -> None:
        self._realm = realm
        self._known = frozenset(known)
        self._containing: dict[str, frozenset[str]] = {}
        self._exist: dict[str, bool] = {}

    def containing(self, part: str) -> frozenset[str]:
        """All that contain a text."""
        if part not in self._containing:
            self._containing[part] = frozenset(each for each in self._known if part in each) | self._ask(part)
        return self._containing[part]

    def has(self, client_id: str) -> bool:
        """Whether a client has exactly this id."""
        if client_id not in self._exist:
            self._exist[client_id] = client_id in self._known or self._finds(client_id)
        return self._exist[client_id]

    def _ask(self, part: str) -> frozenset[str]:
        try:
            return self._realm.clients.ids_containing(part) if self._realm else frozenset()
        except Forbidden:  # this login reads events alone, so the known ids must do
            self._realm = None
            return frozenset()

    def _finds(self, client_id: str) -> bool:
        try:
            return self._realm is not None and self._realm.clients.find(client_id) is not None
        except Forbidden:
            self._realm = None
            return False


def read_audiences(text: str, separator: str, ids: ClientIds) -> Audiences:
    """Reads a joined text.

    Of all ways to split it, those count that leave the fewest parts which are not client ids. Such a part is a custom
    audience, or a deleted client.
    """
    words = text.split(separator)
    joined = frozenset[str]().union(*(ids.containing(part) for part in _neighbours(words, separator)))
    spans = dict(_spans(words, separator, joined))
    if not spans:
        only = frozenset(filter(None, words)) or frozenset((text,))
        return Audiences(text, (only,), only, only if len(only) == 1 else frozenset())

    @cache
    def cost(start: int) -> int:
        return min((price + cost(end) for end, price in steps(start)), default=0)

    def steps(start: int) -> Iterator[tuple[int, int]]:
        """Where a part that begins at this word may end, and whether it is not a client id."""
        if start < len(words):
            yield from ((end, 0) for end in spans.get(start, ()))
            yield start + 1, 0 if not words[start] or ids.has(words[start]) else 1

    def pieces(start: int) -> Iterator[tuple[int, str]]:
        """Those of readings that count."""
        for end, price in steps(start):
            if price + cost(end) == cost(start):
                yield end, separator.join(words[start:end])

    def cuts(start: int) -> Iterator[frozenset[str]]:
        if start == len(words):
            yield frozenset()
        for end, piece in pieces(start):
            yield from (rest | ({piece} if piece else frozenset()) for rest in cuts(end))

    for start in range(len(words), -1, -1):  # from the end, so that no recursion gets deep
        cost(start)
    some, alone = set[str](), {0: {""}}  # alone: by the number of a word, what may be the only audience before it
    for start in range(len(words)):
        for end, piece in pieces(start) if start in alone else ():
            some.add(piece)
            alone.setdefault(end, set()).update(
                piece or each for each in alone[start] if not piece or each in ("", piece)
            )
    listed = tuple(dict.fromkeys(islice(cuts(0), MOST_READINGS)))
    return Audiences(text, listed, frozenset(some - {""}), frozenset(alone[len(words)] - {""}))


def _neighbours(words: list[str], separator: str) -> Iterator[str]:
    """Texts of which an id that contains the separator contains one: two words that follow one another, with what is between
    them, and a word that has nothing before or behind it.
    """
    full = [number for number, word in enumerate(words) if word]
    for first, second in pairwise(full):
        yield separator.join(words[first : second + 1])
    for number in full:
        if "" in words[max(number - 1, 0) : number]:
            yield separator + words[number]
        if "" in words[number + 1 : number + 2]:
            yield words[number] + separator


def _spans(words: list[str], separator: str, joined: frozenset[str]) -> Iterator[tuple[int, list[int]]]:
    """By the number of its first word: after which words ids of several words end."""
    as_words = [each.split(separator) for each in sorted(joined)]
    for start in range(len(words)):
        ends = [start + len(each) for each in as_words if words[start : start + len(each)] == each]
        if ends:
            yield start, ends
