"""Protocol mappers of each kind, with what they add to ``aud`` of tokens of Keycloak 26.7.3."""

from collections.abc import Mapping
from typing import Any

ANY: tuple[str | None, ...] = (None,)


def kind(mapper: str, **config: str) -> dict[str, Any]:
    """A mapper for access tokens; underscores of the settings' names are dots."""
    said = {key.replace("__", " ").replace("_", ".").replace(" ", "_"): value for key, value in config.items()}
    return {
        "protocol": "openid-connect",
        "protocolMapper": mapper,
        "config": {"access.token.claim": "true", **said},
    }


def _claim(mapper: str, name: str = "aud", **config: str) -> dict[str, Any]:
    return kind(mapper, claim_name=name, jsonType_label="String", **config)


def _fixed(value: str, name: str = "aud", label: str = "String") -> dict[str, Any]:
    made = _claim("oidc-hardcoded-claim-mapper", name, claim_value=value)
    return {**made, "config": {**made["config"], "jsonType.label": label}}


RESOLVE = {
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-resolve-mapper",
    "config": {"access.token.claim": "true", "lightweight.claim": "true"},
}
KINDS: Mapping[str, tuple[dict[str, Any], tuple[str | None, ...]]] = {
    "included client": (kind("oidc-audience-mapper", included_client_audience="b"), ("b",)),
    "custom audience": (kind("oidc-audience-mapper", included_custom_audience="b"), ("b",)),
    "both": (kind("oidc-audience-mapper", included_client_audience="b", included_custom_audience="c"), ("b",)),
    "with a comma": (kind("oidc-audience-mapper", included_custom_audience="b,c"), ("b,c",)),
    "nobody": (kind("oidc-audience-mapper"), ()),
    "fixed": (_fixed("b"), ("b",)),
    "fixed with a comma": (_fixed("b,c"), ("b,c",)),
    "fixed list": (_fixed('["b", "c"]', label="JSON"), ('["b","c"]',)),
    "fixed text in JSON": (_fixed('"b"', label="JSON"), ('"b"',)),
    "fixed JSON with more behind": (_fixed("12 b", label="JSON"), ("12",)),
    "fixed fraction": (_fixed("1e22", label="JSON"), ANY),
    "fixed, not a JSON number": (_fixed("NaN", label="JSON"), ()),
    "fixed, not a number": (_fixed(" 12", label="int"), ()),
    "fixed, too large a number": (_fixed("2147483648", label="int"), ()),
    "fixed number": (_fixed("0123", label="int"), ("123",)),
    "fixed answer": (_fixed("TRUE", label="boolean"), ("true",)),
    "fixed nothing": (_fixed(""), ()),
    "fixed by an escaped name": (_fixed("b", "a\\ud"), ("b",)),
    "fixed by a name with a dot": (_fixed("b", "aud."), ("b",)),
    "another claim": (_fixed("b", "Aud"), ()),
    "a part of another claim": (_fixed("b", "aud.x"), ()),
    "attribute": (_claim("oidc-usermodel-attribute-mapper", user_attribute="who"), ANY),
    "property": (_claim("oidc-usermodel-property-mapper", user_attribute="username"), ANY),
    "note": (_claim("oidc-usersessionmodel-note-mapper", user_session_note="note"), ANY),
    "groups": (_claim("oidc-group-membership-mapper", full_path="false"), ANY),
    "realm roles": (_claim("oidc-usermodel-realm-role-mapper", multivalued="true"), ANY),
    "client roles": (_claim("oidc-usermodel-client-role-mapper", multivalued="true"), ANY),
    "attribute to another claim": (_claim("oidc-usermodel-attribute-mapper", "who", user_attribute="who"), ()),
    "hard-coded role": (kind("oidc-hardcoded-role-mapper", role="b.user"), ("b",)),
    "hard-coded realm role": (kind("oidc-hardcoded-role-mapper", role="user"), ()),
    "renamed role": (kind("oidc-role-name-mapper", role="user", new_role_name="b.user"), ("b",)),
    "full name": (kind("oidc-full-name-mapper", claim_name="aud"), ()),
}
SCRIPT = (kind("script-some.js"), ANY)
"""Of a server that scripts are deployed on, or whose provider is not Keycloak's."""
