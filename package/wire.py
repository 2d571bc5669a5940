"""The engine's values: a Struct of fields in camelCase, with secrets, outputs and values that are not known yet."""

from collections.abc import Collection, Mapping
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.output import UNKNOWN as NOT_KNOWN
from pulumi.output import Unknown
from pulumi.runtime import proto, rpc
from pulumi.runtime.proto import status_pb2

from providers.base.face import inside, outside

UNKNOWN = rpc.UNKNOWN
SIGNATURE, SECRET, OUTPUT = rpc._special_sig_key, rpc._special_secret_sig, rpc._special_output_value_sig
Props = dict[str, Any]


def decoded(struct: struct_pb2.Struct, *, as_they_are: bool = False) -> tuple[Props, set[str]]:
    """The fields in clear, with our code's names or unchanged, and which of them contain a secret."""
    name = str if as_they_are else inside
    secret: set[str] = set()
    props: Props = {}
    for key, value in json_format.MessageToDict(struct).items():
        found: list[bool] = []
        plain = _plain(value, found)
        if plain is not None:
            props[name(key)] = plain
        if found:
            secret.add(name(key))
    return props, secret


def encoded(props: Mapping[str, Any], secret: Collection[str] = (), *, as_they_are: bool = False) -> struct_pb2.Struct:
    """Our fields as the engine's. secret: the fields with a secret."""
    name = str if as_they_are else outside
    made = struct_pb2.Struct()
    json_format.ParseDict(
        {
            name(key): {SIGNATURE: SECRET, "value": _sent(value)} if key in secret else _sent(value)
            for key, value in props.items()
            if value is not None
        },
        made,
    )
    return made


def partly_made(reasons: str, id_: str, properties: struct_pb2.Struct) -> grpc.Status:
    """What failed, and what Pulumi keeps of it in the state, so that the next run continues with an update."""
    kept = proto.provider_pb2.ErrorResourceInitFailed(id=id_, properties=properties, reasons=reasons.splitlines())
    told = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reasons)
    told.details.add().Pack(kept)
    status = grpc.Status()
    status.code, status.details = grpc.StatusCode.UNKNOWN, reasons
    status.trailing_metadata = (("grpc-status-details-bin", told.SerializeToString()),)
    return status


def _plain(value: Any, secrets: list[bool]) -> Any:
    if value == UNKNOWN:
        return NOT_KNOWN
    if isinstance(value, list):
        return [_plain(each, secrets) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == SECRET:
        secrets.append(True)
        return _plain(value.get("value"), secrets)
    if value.get(SIGNATURE) == OUTPUT:
        if value.get("secret"):
            secrets.append(True)
        return _plain(value["value"], secrets) if "value" in value else NOT_KNOWN
    return {key: _plain(each, secrets) for key, each in value.items()}


def _sent(value: Any) -> Any:
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _sent(each) for key, each in value.items() if each is not None}
    return [_sent(each) for each in value] if isinstance(value, list | tuple) else value
