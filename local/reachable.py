"""Whether a Keycloak answers at an address; if not, why not, and which proxy was asked."""

import http.client
import json
import ssl
import urllib.error
import urllib.request

from local.downloads import cause, proxy, through


def answers(url: str, seconds: float = 5.0) -> bool:
    """Whether a Keycloak answers at this address; one of this machine is asked without a proxy."""
    return fault(url, seconds) is None


def fault(url: str, seconds: float = 5.0) -> str | None:
    """Why no Keycloak answers, with the proxy that was asked; None where one does."""
    try:
        opener = urllib.request.build_opener(*([] if proxy(url) else [urllib.request.ProxyHandler({})]))
        with opener.open(f"{url.rstrip('/')}/realms/master", timeout=seconds) as answer:
            said = answer.read() if answer.geturl().startswith(url.rstrip("/")) else b""
            why = None if b'"realm"' in said and is_object(said) else f"HTTP {answer.status} at {answer.geturl()}"
    except (
        urllib.error.URLError,
        OSError,
        ValueError,
        http.client.HTTPException,
    ) as problem:  # the last: it does not speak HTTP
        if isinstance(getattr(problem, "reason", problem), ssl.SSLCertVerificationError):
            return None  # something answers; the stack's config decides which certificates are trusted
        why = cause(problem) or type(problem).__name__
    return f"{why}{through(url)}" if why else None


def is_object(text: bytes) -> bool:
    """Whether a text is a JSON object, as Keycloak shows a realm."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
