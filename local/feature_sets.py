"""Which features our Keycloak servers are built with."""

STANDARD_EXCHANGE = "token-exchange-standard"

FEATURE_SETS: dict[str, tuple[str, ...]] = {
    "standard": (),
    "legacy": ("token-exchange:v1", "admin-fine-grained-authz:v1"),
    "neither": ("token-exchange:v1",),
    "spiffe": ("spiffe",),
    "no-standard": ("token-exchange:v1", "admin-fine-grained-authz:v1"),
    "no-legacy-exchange": ("admin-fine-grained-authz:v1",),
    "no-legacy-permissions": ("token-exchange:v1",),
    "no-client-policies": ("token-exchange:v1", "admin-fine-grained-authz:v1"),
    "no-authorization": (),
}
"""Name of a feature set → the features that it turns on. `legacy` offers both exchanges, `neither` none: the legacy one lacks
its permissions there. `spiffe` is `standard` with a preview feature, for tests of its own. `no-…`: a feature that was
switched off while a stack uses it."""

SWITCHED_OFF = {
    "neither": (STANDARD_EXCHANGE,),
    "no-standard": (STANDARD_EXCHANGE,),
    "no-client-policies": ("client-policies",),
    "no-authorization": ("authorization", "admin-fine-grained-authz"),
}
"""The same for features that are turned off, if they are on by default. In the last set, the second feature needs the first."""
