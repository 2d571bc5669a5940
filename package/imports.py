"""Import: ``realm/client/name``, as people write it, becomes the object's id, and its fields as a state holds them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from kcadmin.marks.ownership import hash16, new_number
from kcadmin.marks.whose import whose
from kcadmin.objects.claims import claim_of, claims
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import CLAIMED
from kcadmin.rest.errors import NotFound, Refusal, sentence
from kcadmin.rest.texts import named, shown
from package.fields import known_fields
from providers.base.held import NUMBER, STACK
from providers.base.owned import CREATED, USED, OwnedObjectProvider
from providers.base.provider import KeycloakProvider
from providers.base.shared_setting import SharedSettingProvider
from providers.base.uuids import require_uuids
from providers.registry import ResourceKind

Props = dict[str, Any]
WORDS = {"client_id": "client", "resource_server": "resource server"}


def import_parts(kind: ResourceKind) -> tuple[str, ...]:
    """The fields of which an import id consists; none: such a resource cannot be imported."""
    place = next((each for each in ("client_id", "resource_server") if each in kind.provider.INPUTS), None)
    if issubclass(kind.provider, OwnedObjectProvider):
        return ("realm", *([place] if place else []), "name")
    if issubclass(kind.provider, SharedSettingProvider):
        return ("realm", "client_id")
    return ()


def import_form(kind: ResourceKind) -> str:
    """An import id as people read it."""
    return "/".join(f"<{WORDS.get(part, part)}>" for part in import_parts(kind))


def imported(
    kind: ResourceKind, provider: KeycloakProvider, id_: str, own: Mapping[str, Any]
) -> tuple[str, Props, Props]:
    """The object's id, its outputs and its inputs. An id of "": it is not there. own: ``owner`` and ``stack`` of the resource.

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
        found = _found(kind, provider, realm, props)
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


def _found(kind: ResourceKind, provider: KeycloakProvider, realm: Realm, props: Props) -> tuple[str, Props] | None:
    if isinstance(provider, OwnedObjectProvider):
        return _object(kind, provider, realm, props)
    if isinstance(provider, SharedSettingProvider):
        return _setting(provider, realm, props)
    return None


def _object(
    kind: ResourceKind, provider: OwnedObjectProvider[Any], realm: Realm, props: Props
) -> tuple[str, Props] | None:
    looked = provider.look(realm, provider.parse(props, in_part=True))
    there = next((each for each in looked.named(props["name"]) if each.name == props["name"]), None)
    if there is None:
        return None
    if getattr(there, "logic", None) == "":  # how a store shows an object of another type
        raise Refusal(f"{provider.named(props)}: is an object of another type; import it as that.")
    if there.mark is None:
        notes: Props = {"found": USED}
    elif there.mark == hash16(str(props["owner"])):
        notes = {"found": CREATED, NUMBER: there.writer.number or None}
    else:
        raise Refusal(
            f"{provider.named(props)}: belongs to {whose(there.owner)}; leave it there, or remove it there first."
        )
    given = provider.parse({**props, **notes}, in_part=True)
    return str(there.id), {**notes, **provider.shown(realm, there, given)}


def _setting(provider: SharedSettingProvider, realm: Realm, props: Props) -> tuple[str, Props] | None:
    client = realm.clients.get(props["client_uuid"])
    if client is None:
        return None
    seen = provider.shown(client)
    if seen.get("enabled") is False or all(each is None for each in seen.values()):
        return None
    claim = claim_of(client, str(props["owner"]), provider.KIND)
    if claim is None and claims(client, provider.KIND):
        remedy = "leave the import out: `pulumi up` shares the setting with its owners"
        raise Refusal(sentence("client", client.client_id, realm.name, f"its {provider.KIND} is claimed", remedy))
    notes: Props = {"found": USED, "was": {}}
    if claim:
        notes = {"found": CLAIMED, "was": dict(claim.was), NUMBER: claim.writer.number or None}
    return f"{realm.name}/{client.uuid}/{provider.KIND}", {**seen, **notes}


def _inputs(kind: ResourceKind, outs: Props) -> Props:
    """What a program must say to get these outputs."""
    unsaid = {*kind.provider.CLIENTS.values(), "owner", STACK}
    defaults = {**dict.fromkeys(outs, None), **kind.provider.DEFAULTS}
    return {
        key: each
        for key, each in outs.items()
        if key in known_fields(kind) and key not in unsaid and each not in (defaults[key], [], {}, "")
    }


def _parts(kind: ResourceKind, id_: str) -> list[str]:
    wanted, given = import_parts(kind), [unquote(each) for each in id_.split("/")]
    if not wanted:
        raise Refusal(f"import of {named(kind.name)}: there is none; declare it, and `pulumi up` takes what is there.")
    if len(given) != len(wanted) or not all(given):
        raise Refusal(
            f"import id {shown(id_)}: is not of the form {import_form(kind)}; give these, and write / in a name as %2F, % as %25."
        )
    return given
