"""The schema's texts that are in no docstring, and its examples."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from package.schema_types import ANY

COMMON: Mapping[str, str] = {
    "realm": "The realm's name.",
    "name": "Its name in Keycloak.",
    "client_id": "A client id, not a UUID.",
    "client_uuid": "The client's UUID. Default: looked up by the client id.",
    "client_uuids": "The clients' UUIDs. Default: looked up by the client ids.",
    "included_client_uuid": "The UUID of that client. Default: looked up by the client id.",
    "resource_server": "The client id of the resource server.",
    "resource_server_uuid": "The resource server's UUID. Default: looked up by the client id.",
    "description": "For people.",
    "owner": "Its owner. Default: the provider's `owner`, and the resource's name after `#`.",
    "adopt": "Take over an existing object that differs, and give it back when this resource is deleted.",
    "on_remove": "`restore` restores what existed before, `revoke` removes that, too, and `keep` leaves everything as it is.",
    "accept_policy_changes": "Fields of clients that the realm's client policies may change when this is written.",
    "number": "The resource's number in its mark on the server, by which a delete knows what is its own.",
    "continues": "The number in the mark that it found when it was created.",
    "enabled": "Whether the setting is on.",
    **{f"{unit}_end": "The last one that matches." for unit in ("year", "month", "day_month", "hour", "minute")},
    **dict.fromkeys(("month", "day_month", "hour", "minute"), "The only one that matches, or the first one."),
    "grant": "The name of the grant.",
    "exchange": "`standard` or `legacy`.",
    "flow": "`recipient` or `requester`.",
    "source": "The client id that the user's token is issued for.",
    "target": "The client id that the exchanged token is for.",
    "requester": "The client id that asks for the exchange.",
    "audience": "The `audience` of the request.",
    "policies": "Ids or names of policies.",
    "uuids": "The clients' UUIDs by their symbols.",
    "facts": "What a policy pack judges.",
    "scope": "An existing client scope.",
    "takes_away": "Ids of mappers that void the grant's condition.",
    "drift": "What others changed, in sentences.",
    "token_exchange_permission": "The id of the client's token-exchange permission.",
    "reason": "What the grant is for, in a sentence for people.",
    "review_by": "The day by which somebody must review the grant: `YYYY-MM-DD`.",
    "allow_refresh": "Also give refresh tokens.",
    "allow_public_source": "Accept a source that is a public client.",
    "manage_switch": "Write the switch of the standard exchange. `false`: the client's owner writes it, and it is only checked.",
    "prove": "`pulumi up` makes a real exchange, and fails with the cause where it is refused.",
}
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
GRANT_OUTPUTS: dict[str, Any] = {
    "realm": {**_TEXT, "description": "The realm's name."},
    "sources": {**_TEXTS, "description": "The client ids that users' tokens are issued for."},
    "target": {**_TEXT, "description": "The client id that exchanged tokens are for."},
    "exchange": {**_TEXT, "description": "`standard` or `legacy`."},
    "flows": {
        "type": "array",
        "items": ANY,
        "description": "Of each flow `flow`, `requester`, `audience` and `requestScope`: what a caller sends.",
    },
    "clients": {
        "type": "object",
        "additionalProperties": _TEXT,
        "description": "The clients' UUIDs by their client ids.",
    },
    "requiredRoles": {**_TEXTS, "description": "The roles of which a user must hold one."},
    "exactAudience": {"type": "boolean", "description": "Whether `aud` is the target alone."},
    "tokenLifespan": {"type": "integer", "description": "Seconds."},
    "reason": {**_TEXT, "description": "What the grant is for, in a sentence for people."},
    "options": {
        "type": "object",
        "additionalProperties": ANY,
        "description": "Its other inputs that differ from their defaults.",
    },
}
EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "package"
LANGUAGES = {
    "typescript": "index.ts",
    "python": "__main__.py",
    "go": "main.go",
    "java": "src/main/java/shop/App.java",
    "yaml": "Pulumi.yaml",
}
SHOWN_WITH = ("TokenExchangeGrant",)


def example(name: str) -> str:
    """The same program in each language, for the resource that it shows."""
    if name not in SHOWN_WITH:
        return ""
    parts = [
        f"```{language}\n{(EXAMPLES / language / file).read_text().strip()}\n```"
        for language, file in LANGUAGES.items()
        if (EXAMPLES / language / file).exists()
    ]
    return "\n\n## Example Usage\n\n" + "\n".join(parts)
