"""Sentences on grants and the config that lists them: docs/odd.md has a section for each."""

from kcadmin.rest.odd import Odd

CONFIG_LARGE = Odd(
    "config-large",
    "has {size} bytes as Pulumi hands it to the program, and Linux allows {limit} at most",
    "list the grants in files, by grantsFile",
)
NAME_TWICE = Odd("grant-twice", "the name is used by several grants{where}", "give each its own")
OPTION_LATE = Odd(
    "option-too-late",
    "{option} does not reach {part}, which another grant has registered before",
    "give that grant the same, or make it after this one",
)
OPTION_UNFIT = Odd("option-without-effect", "opts has {option}, which has no effect on what a grant needs", "{instead}")
NOT_WIRED = Odd(
    "target-without-parts",
    "are not wired in this run, since --target or --exclude leaves out what they need, for {grant} {part}",
    "target that too, as docs/pulumi-features.md#one-grant-alone shows",
)
MADE_BY = Odd("exchange-off", "{lack}, by which this grant was made", "{remedy}")
CONSENT = Odd(
    "consent-of-users",
    "client {client} requires consent, and Keycloak refuses the exchange for users who have not given it",
    "switch consent off, or let users log in there once; `verify --dry-run --as-user` tells who has",
)
CONSENT_LEGACY = Odd(
    "consent-of-target",
    "target {client} requires consent, and the legacy exchange refuses each exchange for it, whatever users have consented to",
    "switch off Consent required there, or set exchange: standard where the server offers it",
)
ODD = (CONSENT, CONSENT_LEGACY, MADE_BY, CONFIG_LARGE, NAME_TWICE, OPTION_LATE, OPTION_UNFIT, NOT_WIRED)
