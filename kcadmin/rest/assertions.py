"""Client assertions that somebody else has signed: a token of a Kubernetes pod, a CI job or SPIFFE, read anew at each login.

Keycloak takes them since 26.6 for clients of the authenticator *Signed JWT - Federated*.
https://www.keycloak.org/securing-apps/authentication-methods
"""

import errno
import os
import re
import shlex
import stat
import subprocess
from pathlib import Path

from kcadmin.rest.connection import ASSERTION_KINDS, AssertionLogin
from kcadmin.rest.errors import LoginRefused
from kcadmin.rest.issuers import claims_of
from kcadmin.rest.redaction import redacted
from kcadmin.rest.texts import harmless, shown
from kcadmin.rest.variables import ASSERTION_COMMAND, ASSERTION_FILE

TYPES = {kind: f"urn:ietf:params:oauth:client-assertion-type:{kind}" for kind in ASSERTION_KINDS}
SPIFFE = "jwt-spiffe"
COMMAND_SECONDS, TEXT = 30, "utf-8-sig"  # with or without a byte order mark
LONGEST = 64 * 1024  # the most characters of a token
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_SECRET_NAMES = re.compile("TOKEN|SECRET|PASS|KEY|CREDENTIAL", re.IGNORECASE)
REMEDIES = (
    ("reuse", "the identity provider accepts each token once, and a run logs in several times; allow reuse there, or set "
     f"{ASSERTION_COMMAND} to a command that prints a new token each time"),
    ("jti", "the identity provider requires a token with jti; ask the issuer for one, or use a provider of the type kubernetes"),
    ("too far in the past", "take a newer token, or raise the greatest age of assertions at the identity provider"),
    ("not active", "the token has expired, or is not valid yet; take a new one, and compare both clocks"),
    ("audience", "take a token whose only audience is the realm's issuer"),
    ("client_id parameter", "the token is another client's; correct clientId, or leave it out"),
)  # fmt: skip


def read_assertion(login: AssertionLogin) -> str:
    """The token as it is now. :raises LoginRefused: there is none; the text in its place is not shown."""
    text = _of_command(login.command) if login.command else _of_file(login.file)
    if not text:
        raise LoginRefused(f"{origin(login)}: has nothing in it; it must be the token of the pod or job.")
    if len(text) > LONGEST or not _JWT.fullmatch(text):
        raise LoginRefused(f"{origin(login)}: is not a JWT; take the token of the pod or job itself, without quotes.")
    return text


def require_audience(login: AssertionLogin, assertion: str, issuer: str) -> None:
    """A token for another server is not sent: this one could use it there.

    :raises LoginRefused: its audience is not the issuer of the realm.
    """
    audience = claims_of(assertion).get("aud")
    if audience not in (issuer, [issuer]):
        raise LoginRefused(
            f"{origin(login)}: has the audience {shown(audience)}, and Keycloak wants only the realm's issuer; "
            f"ask for a token with the audience {shown(issuer)}."
        )


def assertion_remedy(login: AssertionLogin, assertion: str, words: str) -> str:
    """The remedy for Keycloak's answer. What its words mean was tried on Keycloak 26.7.5."""
    for part, found in REMEDIES:
        if part in words:
            return found
    claims = claims_of(assertion)
    if login.kind == SPIFFE:
        return (
            f"the realm needs an identity provider of the type SPIFFE for the trust domain of {shown(claims.get('sub'))}, and "
            "only one client with that subject; check both, and loginRealm"
        )
    is_spiffe = str(claims.get("sub")).startswith("spiffe://")
    kind = (
        f"set clientAssertionType to {SPIFFE} where the identity provider is of the type SPIFFE; " if is_spiffe else ""
    )
    return (
        f"{kind}the realm needs an identity provider for the issuer {shown(claims.get('iss'))} that takes client assertions "
        f"and can read its keys, and only one client with the subject {shown(claims.get('sub'))}; check both, and loginRealm"
    )


def origin(login: AssertionLogin) -> str:
    """Where the token comes from, for a message."""
    return f"command of {ASSERTION_COMMAND}" if login.command else f"client assertion in {shown(login.file)}"


def _of_file(file: str) -> str:
    try:
        if not stat.S_ISREG(Path(file).stat().st_mode):  # a pipe gives each token once, or blocks for ever
            raise OSError(errno.EINVAL, "not a file")
        with Path(file).open(encoding=TEXT) as opened:
            return opened.read(LONGEST + 2).strip()
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or "no text"
        raise LoginRefused(
            f"client assertion in {shown(file)}: cannot be read ({why}); mount the token there, or set {ASSERTION_FILE}."
        ) from None


def _of_command(command: str) -> str:
    said = f"command of {ASSERTION_COMMAND}"
    try:
        done = subprocess.run(
            shlex.split(command), stdin=subprocess.DEVNULL, capture_output=True, encoding=TEXT, errors="replace",
            timeout=COMMAND_SECONDS, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise LoginRefused(f"{said}: has not ended after {COMMAND_SECONDS} s; run it by hand.") from None
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or problem
        raise LoginRefused(f"{said}: cannot be run ({why}); correct it. It is run without a shell.") from None
    if done.returncode:
        secrets = [value for name, value in os.environ.items() if _SECRET_NAMES.search(name)]
        last = (done.stderr.strip().splitlines() or ["it printed no error"])[-1]
        raise LoginRefused(
            f"{said}: ended with {done.returncode} ({harmless(redacted(last, secrets))}); run it by hand."
        )
    return done.stdout.strip()
