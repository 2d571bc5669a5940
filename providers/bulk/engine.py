"""Makes, compares, reads and removes the parts of a realm's grants, each by its own provider: there is no second implementation.

A failure is noted for its part, and all parts that do not need it are done. Each part has its marks and claims like a
resource of its own, so the next run continues one that was killed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from pulumi.output import UNKNOWN

from kcadmin.marks.packed import Part
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.misread import misreadings
from kcadmin.rest.texts import harmless
from providers.base.part import references, resolved
from providers.base.provider import KeycloakProvider
from providers.bulk.order import Needs, reversed_needs, work_in_order

Parts = Mapping[str, Part]
Faults = dict[str, list[str]]


class Step(Enum):
    """What a run does with a part."""

    SAME, CREATE, UPDATE, REPLACE, DELETE = "same", "create", "update", "replace", "delete"


@dataclass
class PartsDone:
    """parts: those that exist now. faults: sentences, by the places of the parts that failed. waiting: parts that need those."""

    parts: dict[str, Part]
    faults: Faults = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)

    def is_held_up(self, needed: Iterable[str]) -> bool:
        """Whether a part failed that this one needs."""
        return any(each in self.faults or each in self.waiting for each in needed)


class Engine:
    """The engine for one realm's parts. provider: returns the provider of a kind, ready for the server."""

    def __init__(self, provider: Callable[[str], KeycloakProvider]) -> None:
        self._provider = provider

    def check(self, olds: Parts, news: Parts, notes: Mapping[str, Any]) -> tuple[dict[str, Part], list[str]]:
        """The parts with all inputs, and what is wrong with them. notes: what each ``check`` gets besides its inputs."""
        checked, faults = {}, list[str]()
        for place, part in news.items():
            props = resolved(part.props, {}, UNKNOWN)
            before = olds[place].props if place in olds else {}
            found = self._provider(part.kind).check(before, {**props, **notes})
            faults += [failure.reason for failure in found.failures]
            refer = {key: value for key, value in part.props.items() if any(references(value))}
            inputs = {key: value for key, value in found.inputs.items() if value is not None}
            checked[place] = replace(part, props={**inputs, **refer})
        return checked, faults

    def steps(self, olds: Parts, news: Parts) -> tuple[dict[str, Step], Faults]:
        """The step for each part, by the state and the server."""
        steps = dict.fromkeys(olds.keys() - news.keys(), Step.DELETE)
        faults: Faults = {}
        ids: dict[str, str] = {}

        def compare(place: str) -> None:
            new, old = news[place], olds.get(place)
            steps[place] = Step.CREATE
            if old is None:
                return
            with noting(faults, place):
                found = self._provider(new.kind).diff(old.id, dict(old.props), resolved(new.props, ids, UNKNOWN))
                steps[place] = Step.REPLACE if found.replaces else Step.UPDATE if found.changes else Step.SAME
                if steps[place] is not Step.REPLACE:
                    ids[place] = old.id

        work_in_order(_needs(news), compare)
        return steps, faults

    def apply(self, olds: Parts, news: Parts) -> PartsDone:
        """Makes the parts as declared. Nothing is removed for good in a run in which a part fails."""
        steps, faults = self.steps(olds, news)
        done = PartsDone(dict(olds), faults)
        self._remove(done, {place: olds[place] for place, step in steps.items() if step is Step.REPLACE})

        def make(place: str) -> None:
            new, old = news[place], done.parts.get(place)
            if place in done.faults:
                return
            if done.is_held_up(new.after):
                done.waiting.add(place)
                return
            with noting(done.faults, place):
                if steps[place] is Step.SAME and old:
                    done.parts[place] = replace(old, after=new.after)
                    return
                ids = {each: part.id for each, part in done.parts.items()} if any(references(new.props)) else {}
                done.parts[place] = self._made(new, old, resolved(new.props, ids, UNKNOWN))

        work_in_order(_needs(news), make)
        if not done.faults:
            self._remove(done, {place: olds[place] for place, step in steps.items() if step is Step.DELETE})
        return done

    def read(self, parts: Parts) -> tuple[dict[str, Part], dict[str, Part]]:
        """The parts that exist on the server, as outputs and as inputs. :raises KeycloakError: with all faults."""
        outs, ins = dict[str, Part](), dict[str, Part]()
        faults: Faults = {}

        def read_one(place: str) -> None:
            part = parts[place]
            with noting(faults, place):
                found = self._provider(part.kind).read(part.id, dict(part.props))
                if found.id:
                    outs[place] = replace(part, props=found.outs or {}, id=found.id)
                    ins[place] = replace(part, props=found.inputs or {}, id="")

        work_in_order(_needs(parts), read_one)
        if faults:
            raise KeycloakError(*all_of(faults))
        return outs, ins

    def delete(self, parts: Parts) -> Faults:
        """Removes all parts, or restores what existed before."""
        done = PartsDone(dict(parts))
        self._remove(done, parts)
        return done.faults

    def _made(self, new: Part, old: Part | None, props: dict[str, Any]) -> Part:
        provider = self._provider(new.kind)
        if old is None:
            created = provider.create(props)
            return replace(new, props=created.outs or {}, id=created.id)
        return replace(new, props=provider.update(old.id, dict(old.props), props).outs or {}, id=old.id)

    def _remove(self, done: PartsDone, parts: Parts) -> None:
        freed = reversed_needs(_needs(parts))

        def remove(place: str) -> None:
            if done.is_held_up(freed[place]):
                done.waiting.add(place)
                return
            part = parts[place]
            with noting(done.faults, place):
                self._provider(part.kind).delete(part.id, dict(part.props))
                del done.parts[place]

        work_in_order(freed, remove)


def all_of(faults: Faults) -> list[str]:
    """All sentences, each once, by the places of their parts."""
    return list(dict.fromkeys(sentence for place in sorted(faults) for sentence in faults[place]))


def _needs(parts: Parts) -> Needs:
    return {place: part.after for place, part in parts.items()}


@contextmanager
def noting(faults: Faults, place: str) -> Iterator[None]:
    """Notes an error of the block as a fault of its part."""
    try:
        with misreadings():
            yield
    except KeycloakError as problem:
        faults[place] = [*map(harmless, problem.faults)]
    except Exception as problem:
        faults[place] = [harmless(f"{place}: {type(problem).__name__}: {problem}")]
