"""What a partial PUT of a client changes besides the fields that it sends, and what a body repeats to prevent that.

- ``authorizationServicesEnabled`` left out: switched off, and its policies, permissions and scopes are deleted.
- ``frontchannelLogout`` left out, 26.0 to 26.5: on for a public client, else off.
- ``serviceAccountsEnabled`` left out, up to 26.0: the account's user is deleted with its roles. Sent, since 26.2: a client
  without the client scope ``service_account`` gets it again.
- ``webOrigins`` left out, since 26.0, where it is empty: filled from absolute redirect URIs, whose pages may then call by CORS.

Nothing keeps a rotated secret: ``kcadmin.writes.rotation``.
On 24.0 a public client loses the secret that it had as a confidential one.
tests/acceptance/test_partial_puts.py writes clients of every shape and compares.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from kcadmin.writes.executors import ATTRIBUTE
from kcadmin.writes.prediction import RealmPolicies
from kcadmin.writes.votes import Write

AUTHORIZATION_SERVICES, SERVICE_ACCOUNT = "authorizationServicesEnabled", "serviceAccountsEnabled"
FRONT_CHANNEL, WEB_ORIGINS = "frontchannelLogout", "webOrigins"
SERVICE_ACCOUNT_SCOPE = "service_account"


def with_repeated(
    client: Mapping[str, Any], body: Mapping[str, Any], keeps_accounts: Callable[[], bool]
) -> dict[str, Any]:
    """The body of a PUT that changes nothing else.

    :param client: the client as the server describes it.
    :param keeps_accounts: asks whether the server is 26.2 or later; called only where that matters.
    """
    kept: dict[str, Any] = {}
    if client.get(AUTHORIZATION_SERVICES):
        kept[AUTHORIZATION_SERVICES] = True
    if client.get(FRONT_CHANNEL) is not None:
        kept[FRONT_CHANNEL] = bool(client[FRONT_CHANNEL])
    if client.get("redirectUris") and not client.get(WEB_ORIGINS):
        kept[WEB_ORIGINS] = []
    whole = {**kept, **body}
    if client.get(SERVICE_ACCOUNT) and whole.get(SERVICE_ACCOUNT, True):
        has_scope = SERVICE_ACCOUNT_SCOPE in (client.get("defaultClientScopes") or ())
        if has_scope or not keeps_accounts():
            whole[SERVICE_ACCOUNT] = True
        else:
            whole.pop(SERVICE_ACCOUNT, None)
    return whole


def as_body(values: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a partial PUT; None removes an attribute."""
    body: dict[str, Any] = {key: value for key, value in values.items() if not key.startswith(ATTRIBUTE)}
    attributes = {
        key.removeprefix(ATTRIBUTE): value or "" for key, value in values.items() if key.startswith(ATTRIBUTE)
    }
    return body | ({"attributes": attributes} if attributes else {})


def body_of(
    client: Mapping[str, Any],
    values: Mapping[str, Any],
    policies: RealmPolicies,
    keeps_accounts: Callable[[], bool],
    without: Collection[str] = (),
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The body of a partial PUT, and the fields that it repeats because client policies check them.

    :param client: as the server describes it. without: fields that are not repeated for policies.
    """
    body = with_repeated(client, as_body(values), keeps_accounts)
    if not policies.acting:
        return body, {}
    said = policies.repeated(Write(client, body))
    repeated = {field: value for field, value in said.items() if field not in without and field not in values}
    more = as_body(repeated)
    attributes = {**more.pop("attributes", {}), **body.get("attributes", {})}
    return {**more, **body, **({"attributes": attributes} if attributes else {})}, repeated
