"""Cuts passwords, secrets, keys and tokens out of every text from a server or a proxy."""

import base64
import functools
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

LONGEST_SAID = 500
LEFT_OUT = "(left out)"
ANYWHERE, AS_A_WORD = 8, 4
"""A secret of so many characters is cut out everywhere; a shorter one only as a whole word, so that other words stay complete."""
_KEY_LINE = 20
_SECRET_FIELDS = (
    r"[\w-]*(?:password|passwd|secret|assertion|api_?key|authorization|cookie|_token)|token|code|code_verifier"
)
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), to)
    for pattern, to in (
        (r"-----BEGIN [\w ]*PRIVATE KEY-----.*?(?:-----END [\w ]*PRIVATE KEY-----|$)", LEFT_OUT),
        (r"\b(bearer|basic|dpop|negotiate|digest)(\s|\+|%20)+[\w.~+/=%-]{12,}", rf"\1 {LEFT_OUT}"),
        (r"eyJ[\w.~+/=%-]{4,}", LEFT_OUT),
        (r"\b(?:gh[a-z]_|github_pat_|gl[a-z]{2,6}-|hv[bs]\.)[\w.-]{16,}", LEFT_OUT),  # of CI systems and Vault
        (r"(?<![\w-])[\w-]{16,}\.[\w-]{16,}\.[\w-]{16,}(?:\.[\w-]+)*", LEFT_OUT),
        (rf"((?<![\w-])(?:{_SECRET_FIELDS})=)(?!\(left out\))[^&\s\"',;}}]+", rf"\1{LEFT_OUT}"),
        (rf"(\\?[\"'](?:{_SECRET_FIELDS})\\?[\"']\s*:\s*\\?[\"'])[^\"'\\]+", rf"\1{LEFT_OUT}"),
    )
)


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """A text from another party without secrets, of ``LONGEST_SAID`` characters at most.

    Cut out are the given secrets, as they are or encoded for a URL, JSON, HTML or in Base64, and what looks like a token, a
    private key, or a field or header that holds a secret.
    """
    for secret in sorted(set(secrets), key=len, reverse=True):
        text = _without(text, secret)
    for pattern, to in _PATTERNS:
        text = pattern.sub(to, text)
    return text if len(text) <= LONGEST_SAID else f"{text[:LONGEST_SAID]}…"


def is_token(text: str) -> bool:
    """Whether it looks like a JWT, which is always cut out."""
    return text.startswith("eyJ")


def _without(text: str, secret: str) -> str:
    if len(secret) < AS_A_WORD:
        return text  # a field that contains it is cut out anyway
    if len(secret) < ANYWHERE:
        return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", LEFT_OUT, text)
    for form in _forms(secret):
        text = text.replace(form, LEFT_OUT)
    return text


@functools.lru_cache(maxsize=256)
def _forms(secret: str) -> tuple[str, ...]:
    """The encodings in which a text may contain a secret, longest first."""
    lines = [line for line in secret.splitlines() if len(line) >= _KEY_LINE]
    plain = dict.fromkeys([secret, secret.strip(), *lines])
    found = {form for each in plain for form in (*_escaped(each), *_in_base64(each)) if len(form) >= ANYWHERE}
    return tuple(sorted(found, key=len, reverse=True))


def _escaped(secret: str) -> Iterator[str]:
    data = secret.encode(errors="surrogatepass")
    for form in (quote(data, safe=""), quote_plus(data), quote(data)):
        yield from (form, re.sub("%..", lambda found: found.group().lower(), form), form.replace("%", "%25"))
    for ascii_only in (True, False):
        inner = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield from (inner, inner.replace("/", "\\/"), json.dumps(inner, ensure_ascii=ascii_only)[1:-1])
    yield from (secret, repr(secret)[1:-1], html.escape(secret), data.hex(), data.hex().upper())


def _in_base64(secret: str) -> Iterator[str]:
    """Its Base64, also within a longer text, where it may begin at any of three offsets."""
    data = secret.encode(errors="surrogatepass")
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data).decode()[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield from (whole, whole.translate(str.maketrans("+/", "-_")))
