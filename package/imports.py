"""Import: ``realm/client/name``, as people write it, becomes the object's id, and its fields as in a state."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from kcadmin.marks.ownership import new_number
from kcadmin.rest.errors import NotFound, Refusal
from kcadmin.rest.texts import named, shown
from package.existing import Props, existing
from package.fields import known_fields
from providers.base.held import NUMBER, STACK
from providers.base.passing import PassingProvider
from providers.base.provider import KeycloakProvider
from providers.base.uuids import require_uuids
from providers.registry import ResourceKind

WORDS = {"client_id": "client", "resource_server": "resource server"}


def import_parts(kind: ResourceKind) -> tuple[str, ...]:
    """The fields of an import id; none if such a resource is not an object on the server."""
    known = () if issubclass(kind.provider, PassingProvider) else kind.provider.INPUTS
    return tuple(each for each in ("realm", "client_id", "resource_server", "name", "scope") if each in known)


def import_form(kind: ResourceKind) -> str:
    """An import id as people read it."""
    return "/".join(f"<{WORDS.get(part, part)}>" for part in import_parts(kind))


def imported(
    kind: ResourceKind, provider: KeycloakProvider, id_: str, own: Mapping[str, Any]
) -> tuple[str, Props, Props]:
    """The object's id, its outputs and its inputs. An empty id: it does not exist. own: ``owner`` and ``stack`` of the resource.

    :raises Refusal: it is another stack's, or the id has another form.
    """
    given = dict(zip(import_parts(kind), _parts(kind, id_), strict=True))
    lists: Props = {field: [] for field in (*provider.SETS, *getattr(provider, "ITEMS", ()))}
    props: Props = {**provider.CONSTANT, **provider.DEFAULTS, **lists, **given, **own}
    realm = provider.realm(props)
    try:
        identity = realm.identity()
        required = {name: uuid for name, uuid in provider.CLIENTS.items() if name in given}
        require_uuids(required, realm, props, provider.OBJECT)
        found = existing(provider, realm, props)
    except NotFound:
        found = None
    if found is None:
        return "", {}, {}
    real_id, seen = found
    marks = {NUMBER: new_number(), "issuer": identity.issuer, "management_uuid": identity.management_uuid}
    outs = {key: each for key, each in {**props, **marks, **seen}.items() if each is not None}
    named_there = {name: uuid for name, uuid in provider.CLIENTS.items() if outs.get(name) and not outs.get(uuid)}
    require_uuids(named_there, realm, outs, provider.OBJECT)
    return real_id, outs, _inputs(kind, outs)


def _inputs(kind: ResourceKind, outs: Props) -> Props:
    """The inputs that a program must give to get these outputs."""
    unsaid = {*kind.provider.CLIENTS.values(), "owner", STACK, "scope_id"}  # found by its fields
    defaults = {**dict.fromkeys(outs, None), **kind.provider.DEFAULTS}
    return {
        key: each
        for key, each in outs.items()
        if key in known_fields(kind) and key not in unsaid and each not in (defaults[key], [], {}, "")
    }


def _parts(kind: ResourceKind, id_: str) -> list[str]:
    wanted, given = import_parts(kind), [unquote(each) for each in id_.split("/")]
    if not wanted:
        raise Refusal(
            f"import of {named(kind.name)}: is not possible, since it is not an object on the server; declare it."
        )
    if len(given) != len(wanted) or not all(given):
        raise Refusal(
            f"import id {shown(id_)}: is not of the form {import_form(kind)}; give these, and write / in a name as %2F, % as %25."
        )
    return given
