"""A grant whose clients may come in the same run. It is planned by symbols, which stand for names until these are known.

So which parts it has never depends on what a name turns out to be.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from grants.plan import GrantPlan, questions, scope_prefix, wire_all
from grants.planning import faults_of
from grants.spec import GrantSpec, checked_grant
from kcadmin.marks.packed import as_int
from kcadmin.rest.texts import shown
from reach.facts import Coming, Facts, Questions

REALM, TARGET, REQUESTER = "realm", "target", "requester"
KEPT = "kept_scope"  # a field that no program gives: see ``GrantSpec.kept_scope``
NO_MIGRATION = (
    "sets migration, which needs to know the clients before the run",
    "give their names as plain texts, without depends_on, until the grant has moved",
)
NO_AUTO = (
    "leaves the exchange to its Keycloak (auto), whose connection holds outputs, which are known after the program",
    "give exchange standard or legacy, or the login by variables of the environment",
)


@dataclass(frozen=True)
class LateGrant:
    """fields: a grant's fields, with symbols for names.

    names: by symbol, as far as known. coming: symbols of what the same run may make.
    """

    fields: Mapping[str, Any]
    names: Mapping[str, str]
    coming: frozenset[str] = frozenset()

    def spec(self) -> tuple[GrantSpec | None, list[str]]:
        """The grant, or what is wrong with it. A name that is not known yet appears as ``<symbol>``."""
        spec, faults = checked_grant(named_fields(self.fields, {**_told(self.fields), **self.names}))
        if spec is None:
            return None, faults
        kept = str(self.fields.get(KEPT) or "")
        return replace(spec, late=True, kept_scope=kept if kept.startswith(scope_prefix(spec)) else ""), faults

    @property
    def unknown(self) -> frozenset[str]:
        """The words for names that are not known yet."""
        return frozenset(text for symbol, text in _told(self.fields).items() if symbol not in self.names)

    def may_come(self, spec: GrantSpec) -> Coming:
        """What may not exist on the server yet."""
        named = {text for symbol in self.coming if (text := self.names.get(symbol))} | self.unknown
        return Coming(
            frozenset({spec.realm} & (named if REALM in {*self.coming, *self._unknown_symbols()} else set())),
            frozenset((realm, client) for realm, client in spec.clients() if client in named),
            frozenset(
                (spec.realm, role.client, role.role)
                for role in spec.required_roles
                if role.role in named or role.client in named
            ),
            self.unknown,
        )

    def questions(self, spec: GrantSpec) -> Questions:
        """What to ask of the server about names that are known."""
        asked, unknown = questions([spec]), self.unknown
        if spec.realm in unknown:
            return Questions(frozenset(), asked.ask_features)

        def known(*names: str) -> bool:
            return unknown.isdisjoint(names)

        return replace(
            asked,
            clients=frozenset(key for key in asked.clients if known(*key)),
            roles=frozenset(key for key in asked.roles if known(*key)),
            exact=frozenset(key for key in asked.exact if known(*key)),
            named_in=frozenset(key for key in asked.named_in if known(*key)),
            gates=frozenset(gate for gate in asked.gates if known(gate.client, gate.target)),
        )

    def _unknown_symbols(self) -> frozenset[str]:
        return frozenset(symbol for symbol in _told(self.fields) if symbol not in self.names)


@dataclass(frozen=True)
class Faults:
    """refused: certain faults. unless_changed: faults of the present state, which the run may still change."""

    refused: tuple[str, ...]
    unless_changed: tuple[str, ...] = ()


def late_faults(grant: GrantPlan, facts: Facts) -> Faults:
    """The faults of a grant. ``facts.coming``: what the same run may make or change."""
    sure = tuple(dict.fromkeys(faults_of([grant], _without_coming(facts))))
    found = dict.fromkeys(faults_of([grant], facts))
    return Faults(sure, tuple(each for each in found if each not in sure))


def late_plan(spec: GrantSpec, facts: Facts) -> GrantPlan:
    """What a grant needs. Its exchange was chosen before its clients were known."""
    return wire_all(spec, spec.exchange, facts)


def named_fields(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A grant's fields with names in place of symbols."""
    roles = [{key: names[symbol] for key, symbol in role.items()} for role in fields.get("required_roles") or ()]
    return {
        **{key: as_int(value) for key, value in fields.items() if key != KEPT},
        REALM: names[REALM],
        "sources": [names[symbol] for symbol in fields["sources"]],
        **{key: names[key] for key in (TARGET, REQUESTER) if key in fields},
        **({"required_roles": roles} if roles else {}),
    }


def symbols_in(fields: Mapping[str, Any]) -> list[str]:
    """All symbols of a grant, its realm's too."""
    roles = [symbol for role in fields.get("required_roles") or () for symbol in role.values()]
    return [REALM, *fields["sources"], *(key for key in (TARGET, REQUESTER) if key in fields), *roles]


def late_shape_faults(given: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a grant's ``fields`` and its ``names`` and ``ids``, which are maps by symbol, as far as given."""
    faults = [
        f"{field} is {shown(value)}; give a map" for field, value in given.items() if not isinstance(value, Mapping)
    ]
    yield from faults
    if not faults and {"fields", "names"} <= given.keys() and not _is_whole(given["fields"], given["names"]):
        yield f"fields is {shown(given['fields'])}; give the grant's fields with symbols that names holds"


def _is_whole(fields: Mapping[str, Any], names: Mapping[str, Any]) -> bool:
    """Whether a grant's fields are of the shape that symbols have, and each but the realm's has a name, known or not."""
    sources, roles = fields.get("sources"), fields.get("required_roles", [])
    if not isinstance(sources, list) or not isinstance(roles, list):
        return False
    if not all(isinstance(role, Mapping) and "role" in role for role in roles):
        return False
    symbols = symbols_in(fields)[1:]
    return all(isinstance(symbol, str) and symbol in names for symbol in symbols)


def _told(fields: Mapping[str, Any]) -> dict[str, str]:
    return {symbol: f"<{symbol}>" for symbol in symbols_in(fields)}


def _without_coming(facts: Facts) -> Facts:
    """Faults that the rest of the run cannot change."""
    clients, roles = facts.coming.clients, facts.coming.roles

    def stay(realm: str, names: Collection[str]) -> bool:
        return clients.isdisjoint((realm, name) for name in names)

    return replace(
        facts,
        clients={key: each for key, each in facts.clients.items() if key not in clients},
        missing_roles=facts.missing_roles - roles,
        openings={gate: each for gate, each in facts.openings.items() if stay(gate.realm, (gate.client, gate.target))},
        other_audiences={key: each for key, each in facts.other_audiences.items() if key not in clients},
        replacing={key: each for key, each in facts.replacing.items() if key not in clients},
        role_parts={key: each for key, each in facts.role_parts.items() if key not in roles},
    )
