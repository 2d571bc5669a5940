"""What all typed resources share: an owner, and stack traces short enough to keep the state small."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import Resource

from providers.base import connections, messages, taken_back
from providers.base.connections import CONNECTION, connection_for
from providers.base.face import register
from providers.base.held import HELD, KEEPS, STACK
from providers.base.identity import owner_faults, stack_owner
from providers.base.moving import moves
from providers.base.other_providers import beside_others, watch_others
from providers.base.own_state import held_numbers, moved_here, number_by_former_owner, stack_name
from providers.base.part import collect
from providers.base.provider import AFTER_OTHERS, ALONE, BESIDE_OTHERS, Alone, KeycloakProvider
from providers.base.stack_config import secrets_in_clear
from providers.base.taken_names import declare

Text = pulumi.Input[str]
Texts = pulumi.Input[Sequence[pulumi.Input[str]]]
Flag = pulumi.Input[bool]
Json = Any  # in an output: Pulumi checks its type, and refuses a map for ``object``
NOT_INPUTS = ("self", "resource_name", "opts", "__class__")
TRACE_DEPTH = 5  # never 0 here: the program would hang


class PartOfGrant(pulumi.ResourceOptions):
    """Options of a part of a grant. What client policies do at its planned writes is judged with the grant."""


class UsesExisting(PartOfGrant):
    """Options of a part that uses an unmanaged object unchanged, which other grants of the program may use, too."""


class KeycloakResource(Resource):
    """A Keycloak object in a stack; its owner is ``<the stack's owner>#<resource name>`` where none is given."""

    READS_ANEW: ClassVar[bool] = False  # the present clients, for resources that depend on it

    number: pulumi.Output[str]
    continues: pulumi.Output[str | None]
    connection: pulumi.Output[Mapping[str, Any] | None]

    def __init__(
        self,
        provider: KeycloakProvider,
        resource_name: str,
        arguments: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        """:param arguments: the ``locals()`` of a subclass's own ``__init__``; those that the provider knows are taken.

        :raises pulumi.RunError: the config holds a secret in plain text, or there is no owner.
        """
        faults, owner = secrets_in_clear(), stack_owner()
        if arguments.get("owner") is None:
            faults += owner_faults(owner)
        if faults:
            raise messages.program_error(faults)
        known = (*provider.INPUTS, *provider.CONTROLS)
        if unknown := arguments.keys() - {*known, *NOT_INPUTS}:
            raise TypeError(
                f"{type(self).__name__} takes {', '.join(sorted(unknown))}, which its provider does not know"
            )
        given = {key: arguments[key] for key in known if arguments.get(key) is not None}
        if (connection := connection_for(given.get(CONNECTION), opts)) is not None:
            given[CONNECTION] = connection
            connections.give(self, connection)
        is_read_anew = _is_read_anew(opts)
        if not is_read_anew:
            if self.READS_ANEW or _comes_after_others(provider, given, opts):
                given[AFTER_OTHERS] = True
            given[BESIDE_OTHERS] = beside_others()
        notes = given.get("adopt") or given.get("on_remove")  # for an object on a client: what it takes over
        if not isinstance(opts, PartOfGrant):
            given[ALONE] = Alone.IN_PROGRAM.value
        elif notes and not provider.PLANNED:
            given[ALONE] = Alone.IN_GRANT.value
        given.setdefault("owner", f"{owner}#{resource_name}")
        given[STACK] = stack_name()
        given[HELD] = _held_by_state(type(self).__name__, given)
        given[KEEPS] = moves().numbers.get(resource_name)
        if not isinstance(opts, UsesExisting):
            declare(provider, resource_name, given)
        if collect(self, resource_name, given, awaited(opts)):
            return
        if isinstance(given["owner"], str):
            former = number_by_former_owner(type(self).__name__, resource_name, given["owner"])
            given[HELD] = [*(given[HELD] or ()), former] if former else given[HELD]
        if moves().retained:
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=True))
        kinds = [kind for kind in type(self).__mro__ if issubclass(kind, KeycloakResource)]
        declared = [name for kind in kinds for name in kind.__annotations__ if name != "READS_ANEW"]
        with short_traces():  # without a value Pulumi gives an output no attribute; None is no input
            opts = moved_here(type(self).__name__, opts)
            register(self, provider, resource_name, {**dict.fromkeys(declared), **given}, opts)
        watch_others(self, provider)
        taken_back.watch_taken_back(self, provider)


def _comes_after_others(
    provider: KeycloakProvider, given: Mapping[str, Any], opts: pulumi.ResourceOptions | None
) -> bool:
    """Whether a resource of another provider may write the same clients in the same run, before this one.

    It does if the clients' names come from it, or if it is in ``depends_on``. Then ``check``, which the engine calls when
    those are done, forgets what was read before.
    """
    places = ("realm", *provider.CLIENTS, *provider.CLIENTS.values())
    if any(_has_outputs(given.get(place)) for place in places):
        return True
    return any(not isinstance(each, KeycloakResource) for each in awaited(opts))


def _is_read_anew(opts: pulumi.ResourceOptions | None) -> bool:
    """Whether another resource of ours that comes before reads the same clients again."""
    return any(isinstance(each, KeycloakResource) and each.READS_ANEW for each in awaited(opts))


def awaited(opts: pulumi.ResourceOptions | None) -> Sequence[Any]:
    """What is in ``depends_on``."""
    given = opts.depends_on if opts else None
    return given if isinstance(given, Sequence) else [given] if given is not None else []


def _has_outputs(value: Any) -> bool:
    values = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else [value]
    return any(isinstance(each, pulumi.Output) for each in values)


def _held_by_state(kind: str, given: Mapping[str, Any]) -> list[str] | None:
    owner, realm = given["owner"], given.get("realm")
    return held_numbers(kind, owner, realm, given) if isinstance(owner, str) and isinstance(realm, str) else None


@contextmanager
def short_traces() -> Iterator[None]:
    """Shortens stack traces: the engine keeps one per registration, which is half of a large stack's state."""
    limit = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = TRACE_DEPTH
    try:
        yield
    finally:
        if limit is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = limit
