"""A provider that does nothing, for the engine's floor: its objects exist in Pulumi's state alone."""

from typing import Any

from pulumi.dynamic import CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

FACTS = "BENCH_FACTS"  # the variable that names the file of what the server said
ISSUER = "http://127.0.0.1:8080/realms/realm-00000000"
SOME_UUID = "00000000-0000-4000-8000-000000000000"
PROVIDER_KEY = "__provider"
NOTES = ("found", "issuer", "management_uuid")


class NothingProvider(ResourceProvider):
    """Answers at once, with outputs like those of our providers."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(SOME_UUID, _outputs(props))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=False)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(_outputs(_news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        outs = {key: value for key, value in props.items() if key != PROVIDER_KEY}
        return ReadResult(id_, outs, {key: value for key, value in outs.items() if key not in NOTES})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        pass


def _outputs(props: dict[str, Any]) -> dict[str, Any]:
    known = {key: value for key, value in props.items() if key != PROVIDER_KEY}
    return {**known, "found": "created", "issuer": ISSUER, "management_uuid": SOME_UUID}
