"""What the executors of client profiles do to a write of a client: change it, refuse it, or nothing.

Proven on 26.2.5, 26.5.6, 26.7.3 and 26.7.5 with about 1,500 writes each: an executor changes the body before it is written, or
refuses it. Most check only the body. So they refuse a partial write even if the client already has the right value, unless
the write repeats it: ``REPEATED``.
https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kcadmin.writes.rotation import NEW_SECRET, ROTATED, SECRET, SECRET_ROTATION, rotates_now
from kcadmin.writes.votes import Write, is_true

ATTRIBUTE = "attributes."
REJECT = "reject-request"
AUTHENTICATOR = "clientAuthenticatorType"
DPOP, HOLDER_OF_KEY = "dpop.bound.access.tokens", "tls.client.certificate.bound.access.tokens"
SIGNATURES = tuple(
    ATTRIBUTE + name
    for name in (
        "access.token.signed.response.alg",
        "id.token.signed.response.alg",
        "user.info.response.signature.alg",
        "request.object.signature.alg",
        "token.endpoint.auth.signing.alg",
    )
)
CIBA = (ATTRIBUTE + "ciba.backchannel.auth.request.signing.alg",)
STRONG = tuple(f"{family}{bits}" for family in ("PS", "ES") for bits in (256, 384, 512))
DEFAULT_ALGORITHM = "PS256"
CA_DN = ATTRIBUTE + "x509.casubjectdn"

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """What an executor does. values: fields that it sets, attributes as ``attributes.<key>``. refused: why, in short.

    undecided: only the server can tell whether it refuses.
    """

    values: Mapping[str, Any] | None = None
    refused: str | None = None
    undecided: bool = False

    def __bool__(self) -> bool:
        return bool(self.values) or self.refused is not None or self.undecided


NOTHING, UNDECIDED = Done(), Done(undecided=True)
Executor = Callable[[Config, Write], Done]


def before_write(name: str, config: Config, write: Write) -> Done:
    """What an executor does to the body of a write."""
    if name in _WITHOUT_EFFECT or name in _AFTER:
        return NOTHING
    return _BEFORE[name](config, write) if name in _BEFORE else UNDECIDED


def after_write(name: str, config: Config, write: Write) -> Done:
    """What an executor does after a write; a refusal takes the whole write back. write: with the client as written."""
    return _AFTER[name](config, write) if name in _AFTER else NOTHING


def value_of(described: Mapping[str, Any], field: str) -> Any:
    """A field of a representation, or an attribute as ``attributes.<key>``; None where it is not there."""
    if field.startswith(ATTRIBUTE):
        return (described.get("attributes") or {}).get(field.removeprefix(ATTRIBUTE))
    return described.get(field)


def is_alike(one: Any, other: Any) -> bool:
    """Whether values are equal for Keycloak: a missing attribute equals an empty one, and a boolean equals its text."""
    return bool(_plain(one) == _plain(other))


def _plain(value: Any) -> Any:
    return {"true": True, "false": False, "": None}.get(value, value) if isinstance(value, str) else value


def _switches(field: str, wanted: bool | str, *, body: bool, always_since: tuple[int, int] | None = None) -> Executor:
    """Sets a field if it configures clients automatically, else refuses a write without it.

    :param body: whether it checks the body; else the client as written. Servers older than ``always_since`` differ.
    """

    def execute(config: Config, write: Write) -> Done:
        if always_since is None or not write.may_be_before(always_since):
            return now(config, write)
        older = _on_older_servers(field, config, write)
        return older if not write.may_be(always_since) or older == now(config, write) else UNDECIDED

    def now(config: Config, write: Write) -> Done:
        if "auto-configure" not in config and field != _DETACHED:
            return Done(refused="its profile leaves auto-configure out, which Keycloak answers with 500")
        if is_true(config.get("auto-configure")):
            return Done({field: wanted})
        found = value_of(write.body if body else write.merged(), field)
        return (
            NOTHING
            if found is not None and _same(found, wanted)
            else Done(refused=f"{field.removeprefix(ATTRIBUTE)} is not {_word(wanted)}")
        )

    return execute


def _on_older_servers(field: str, config: Config, write: Write) -> Done:
    if field == ATTRIBUTE + DPOP:  # the feature is off on such servers
        return NOTHING
    if "auto-configure" not in config:
        return Done(refused="its profile leaves auto-configure out, which Keycloak answers with 500")
    if is_true(config.get("auto-configure")):
        return Done({field: False})
    sent = value_of(write.body, field)
    if field == "fullScopeAllowed":
        return Done(refused=f"{field} is not false") if is_true(sent) else NOTHING
    return NOTHING if sent is False else Done(refused=f"{field} is not false in the write itself")


def _authenticator(config: Config, write: Write) -> Done:
    if is_true(write.body.get("publicClient")):
        return NOTHING
    allowed, default = config.get("allowed-client-authenticators") or (), config.get("default-client-authenticator")
    sent = write.body.get(AUTHENTICATOR) or default
    if sent not in allowed:
        return Done(refused=f"{AUTHENTICATOR} is none of {', '.join(map(str, allowed)) or 'those allowed'}")
    return NOTHING if write.body.get(AUTHENTICATOR) else Done({AUTHENTICATOR: sent})


def _algorithms(fields: tuple[str, ...]) -> Executor:
    def execute(config: Config, write: Write) -> Done:
        default = config.get("default-algorithm") or DEFAULT_ALGORITHM
        sent = {field: value_of(write.body, field) for field in fields}
        weak = [field.removeprefix(ATTRIBUTE) for field, value in sent.items() if value not in (None, *STRONG)]
        if weak:
            return Done(refused=f"{', '.join(weak)} is none of {', '.join(STRONG)}")
        return Done({field: default for field, value in sent.items() if value is None})

    return execute


def _redirects(config: Config, write: Write) -> Done:
    flow = write.body.get("standardFlowEnabled")
    if flow is None or (is_true(flow) and not write.body.get("redirectUris")):
        return Done(refused="the write leaves standardFlowEnabled or redirectUris out")
    return UNDECIDED if is_true(flow) or is_true(write.body.get("implicitFlowEnabled")) else NOTHING


def _logout(config: Config, write: Write) -> Done:
    if is_true(config.get("allow-front-channel-logout")) or not is_true(write.body.get("frontchannelLogout")):
        return NOTHING
    return Done(refused="frontchannelLogout is not false in the write itself")


def _uris(config: Config, write: Write) -> Done:
    """Checks addresses that are sent; an empty list has none."""
    names = ("rootUrl", "adminUrl", "baseUrl", "redirectUris", "webOrigins")
    return UNDECIDED if any(write.body.get(name) for name in names) else NOTHING


def _saml(config: Config, write: Write) -> Done:
    return UNDECIDED if write.client.get("protocol") == "saml" else NOTHING


def _reject(config: Config, write: Write) -> Done:
    return Done(refused="it refuses every request")


def _certificate(config: Config, write: Write) -> Done:
    merged = write.merged()
    wanted, now = config.get("ca-subject-dn"), value_of(merged, CA_DN)
    if merged.get(AUTHENTICATOR) != "client-x509" or not wanted or now == wanted:
        return NOTHING
    if not now:
        return Done({CA_DN: wanted})
    return (
        Done(refused=f"{CA_DN.removeprefix(ATTRIBUTE)} is not {wanted}") if is_true(config.get("enforced")) else NOTHING
    )


def _rotation(config: Config, write: Write) -> Done:
    return Done({SECRET: NEW_SECRET}) if rotates_now(write.merged()) else NOTHING


def _same(now: Any, wanted: bool | str) -> bool:
    return is_true(now) is wanted if isinstance(wanted, bool) else str(now).lower() == wanted.lower()


def _word(value: bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else value


_DETACHED = ATTRIBUTE + "id.token.as.detached.signature"
_SINCE = (26, 7)
_BEFORE: Mapping[str, Executor] = {
    "consent-required": _switches("consentRequired", True, body=False),
    "full-scope-disabled": _switches("fullScopeAllowed", False, body=False, always_since=_SINCE),
    "dpop-bind-enforcer": _switches(ATTRIBUTE + DPOP, "true", body=True, always_since=(26, 4)),
    "holder-of-key-enforcer": _switches(ATTRIBUTE + HOLDER_OF_KEY, "true", body=True),
    "pkce-enforcer": _switches(ATTRIBUTE + "pkce.code.challenge.method", "S256", body=True),
    "secure-response-type": _switches(_DETACHED, "true", body=True),
    "reject-implicit-grant": _switches("implicitFlowEnabled", False, body=True),
    "reject-ropc-grant": _switches("directAccessGrantsEnabled", False, body=False, always_since=_SINCE),
    "secure-client-authenticator": _authenticator,
    "secure-signature-algorithm": _algorithms(SIGNATURES),
    "secure-ciba-req-sig-algorithm": _algorithms(CIBA),
    "secure-redirect-uris-enforcer": _redirects,
    "secure-logout": _logout,
    "secure-client-uris": _uris,
    "secure-client-uris-pattern": _uris,
    REJECT: _reject,
}
_AFTER: Mapping[str, Executor] = {
    "tls-client-auth-ca-subject-dn": _certificate,
    REJECT: _reject,
    SECRET_ROTATION: _rotation,
    "saml-signature-enforcer": _saml,
    "saml-avoid-redirect": _saml,
    "saml-secure-client-uris": _saml,
}
_WITHOUT_EFFECT = frozenset(
    (
        *(
            "auth-flow-enforcer",
            "confidential-client",
            "downscope-assertion-grant-enforcer",
            "intent-client-bind-checker",
        ),
        *("jwt-claim-enforcer", "registration-access-token-rotation-disabled", "secure-ciba-session"),
        *("secure-ciba-signed-authn-req", "secure-client-authentication-assertion", "secure-par-content"),
        *("secure-request-object", "secure-session", "secure-signature-algorithm-signed-jwt"),
        *("suppress-refresh-token-rotation", "use-lightweight-access-token"),
    )
)
KNOWN = frozenset((*_BEFORE, *_AFTER, *_WITHOUT_EFFECT))
"""Keycloak's executors."""
REPEATED: Mapping[str, tuple[str, ...]] = {
    "secure-client-authenticator": (AUTHENTICATOR,),
    "secure-signature-algorithm": SIGNATURES,
    "secure-ciba-req-sig-algorithm": CIBA,
    "dpop-bind-enforcer": (ATTRIBUTE + DPOP,),
    "holder-of-key-enforcer": (ATTRIBUTE + HOLDER_OF_KEY,),
    "pkce-enforcer": (ATTRIBUTE + "pkce.code.challenge.method",),
    "secure-response-type": (_DETACHED,),
    "reject-implicit-grant": ("implicitFlowEnabled",),
    "reject-ropc-grant": ("directAccessGrantsEnabled",),
    "secure-redirect-uris-enforcer": ("standardFlowEnabled", "implicitFlowEnabled", "redirectUris", "rootUrl"),
}
"""By executor: the fields that a write repeats, so that Keycloak keeps or refuses what it would change."""
CHANGED = frozenset(
    field.removeprefix(ATTRIBUTE)
    for field in (
        *(
            "consentRequired",
            "fullScopeAllowed",
            "implicitFlowEnabled",
            "directAccessGrantsEnabled",
            AUTHENTICATOR,
            CA_DN,
        ),
        *(DPOP, HOLDER_OF_KEY, "pkce.code.challenge.method", _DETACHED, *SIGNATURES, *CIBA, SECRET, ROTATED),
    )
)
"""The fields that an executor may set at a write, attributes without ``attributes.``."""
