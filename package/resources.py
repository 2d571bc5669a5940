"""The engine's calls for resources: each becomes a call of the resource's provider."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kcadmin.marks.ownership import new_number, stack_of
from kcadmin.marks.proposals import usual_owner
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import AnswerLost, KeycloakError, Unreachable
from kcadmin.rest.texts import shown
from package.config import as_of_package, stack_name_of
from package.failures import CallFailed, call_failed
from package.fields import known_fields
from package.imports import imported
from package.left_behind import left_behind
from providers.base.called import PROVIDER_KEY, as_called
from providers.base.compare import Difference
from providers.base.face import PACKAGE, Run, begin, outside
from providers.base.held import NUMBER, STACK
from providers.base.identity import owner_to_set
from providers.base.provider import AFTER_OTHERS, ALONE, Alone, KeycloakProvider
from providers.base.taken_names import declare
from providers.registry import ResourceKind, kinds

Props = dict[str, Any]


@dataclass(frozen=True)
class CallResult:
    """The result of a call. fields: those that differ. replaces: those for which the object is replaced."""

    id: str = ""
    props: Props = field(default_factory=dict)
    inputs: Props = field(default_factory=dict)
    failures: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    changes: bool = False


class Resources:
    """The resources of one Keycloak. Threads may share it."""

    def __init__(self, connection: Connection, config: Mapping[str, str]) -> None:
        """:param config: the provider's, as texts."""
        self._config = config
        self.providers = {name: kind.provider().use(connection) for name, kind in kinds().items()}
        self._run = Run()  # of the resources outside of grants
        self.organization = ""  # of the program's stack, once a grant has shown it

    def check(self, kind: str, urn: str, olds: Props, news: Props) -> CallResult:
        """Fills in defaults, and refuses what is wrong."""
        provider = self._provider(kind)
        if STACK not in news:  # the program's own resource, not a part of a grant
            news, faults = self._completed(kinds()[kind], urn, olds, news)
            if faults:
                return CallResult(inputs=news, failures=tuple(faults))
            begin(self._run)
            declare(provider, urn.rpartition("::")[2], news)
        checked = as_called(provider, "check")(olds, news)
        told = (_of_package(kinds()[kind], each.reason) for each in checked.failures)
        return CallResult(inputs=checked.inputs, failures=tuple(told))

    def diff(self, kind: str, id_: str, olds: Props, news: Props) -> CallResult:
        found = as_called(self._provider(kind), "diff")(id_, olds, news)
        fields = found.fields if isinstance(found, Difference) else ()
        return CallResult(fields=fields, replaces=tuple(found.replaces or ()), changes=bool(found.changes))

    def create(self, kind: str, props: Props) -> CallResult:
        """:raises CallFailed: with what is left on the server, if anything is."""
        provider, numbered = self._provider(kind), {**props, NUMBER: new_number()}
        try:
            made = as_called(provider, "create")(numbered)
        except KeycloakError as problem:
            is_away = isinstance(problem, Unreachable) and not isinstance(problem, AnswerLost)
            raise call_failed(problem.faults, None if is_away else left_behind(provider, numbered)) from None
        return CallResult(str(made.id), dict(made.outs or {}))

    def update(self, kind: str, id_: str, olds: Props, news: Props) -> CallResult:
        changed = as_called(self._provider(kind), "update")(id_, olds, news)
        return CallResult(id_, dict(changed.outs or {}))

    def read(self, kind: str, urn: str, id_: str, props: Props) -> CallResult:
        """The server's state; without an id if the object is gone. Without props the id is one of an import."""
        provider = self._provider(kind)
        if not props:
            own, faults = self._own(kind, urn, {}, {})
            if faults:
                raise CallFailed("\n".join(faults))
            return CallResult(*imported(kinds()[kind], provider, id_, own))
        now = as_called(provider, "read")(id_, props)
        outs = {key: value for key, value in (now.outs or {}).items() if key != PROVIDER_KEY}
        return CallResult(str(now.id or ""), outs, dict(now.inputs or {}))

    def delete(self, kind: str, id_: str, props: Props) -> None:
        as_called(self._provider(kind), "delete")(id_, props)

    def _provider(self, kind: str) -> KeycloakProvider:
        if kind not in self.providers:
            raise CallFailed(f"resource type {shown(kind)}: {PACKAGE} has none of that name; correct it.")
        return self.providers[kind]

    def _completed(self, kind: ResourceKind, urn: str, olds: Props, news: Props) -> tuple[Props, list[str]]:
        """The inputs of a resource outside of grants: as a program in Python gives them to its resource."""
        named, fields = _named(kind.name, urn), known_fields(kind)
        faults = [
            f"{named}: {outside(key)} is not one of its inputs, which are {', '.join(map(outside, fields))}."
            for key in news
            if key not in fields and key != PROVIDER_KEY
        ]
        own, missing = self._own(kind.name, urn, olds, news)
        given = {key: value for key, value in news.items() if key != PROVIDER_KEY}
        # The resources of its inputs may have written the same clients in this run, and no call shows that.
        return {**own, **given, ALONE: Alone.IN_PACKAGE, AFTER_OTHERS: True}, [*faults, *missing]

    def _own(self, kind: str, urn: str, olds: Props, news: Props) -> tuple[Props, list[str]]:
        """The owner and the stack of a resource outside of grants, or why they are not known."""
        named, faults = _named(kind, urn), []
        stack = stack_name_of(urn, self._config, self.organization)
        if stack is None:
            faults.append(
                f"{named}: the stack's organization is not known here; run `pulumi config set {PACKAGE}:organization …`, "
                "or give it to the explicit provider."
            )
        owner = self._config.get("owner") or usual_owner(stack or "")
        if not owner and "owner" not in news and stack:
            held, project = [stack_of(str(olds.get("owner") or ""))], stack.split("/")[1]
            faults.append(as_of_package(owner_to_set(stack, held, project)))
        return {"owner": f"{owner}#{urn.rpartition('::')[2]}", STACK: stack}, faults


def _named(kind: str, urn: str) -> str:
    return f"{kind} {shown(urn.rpartition('::')[2])}"


def _of_package(kind: ResourceKind, sentence: str) -> str:
    """A refusal with the package's names of fields."""
    for each in known_fields(kind):
        if "_" in each:  # but not in quotes, which contain somebody's text
            sentence = re.sub(rf"(?<![\w'-]){each}(?![\w'-])", outside(each), sentence)
    return as_of_package(sentence)
