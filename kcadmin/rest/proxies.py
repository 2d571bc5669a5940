"""The proxy that the environment sets for an address: its name in messages, and its secrets."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from requests.utils import prepend_scheme_if_needed, select_proxy
from urllib3.exceptions import LocationParseError

from kcadmin.rest.odd import Odd
from kcadmin.rest.texts import named
from kcadmin.rest.tls import is_no_tls

PROXY_LOGIN, ALL = 407, "all"
NO_WAY = Odd(
    "proxy-no-way",
    "{why}",
    "check that the proxy of {variable} reaches the server, or add {host} to NO_PROXY and no_proxy",
)
LOGIN = Odd(
    "proxy-login",
    "the proxy wants a login ({why})",
    "put it into {variable}, as in http://USER:PASSWORD@PROXY:PORT, or add {host} to NO_PROXY and no_proxy",
)
UNFIT = Odd(
    "proxy-unfit",
    "{why}",
    "write {variable} as http://PROXY:PORT, or http://USER:PASSWORD@PROXY:PORT",
)
ODD = (NO_WAY, LOGIN, UNFIT)


class Proxy:
    """The proxy for one address. url: as set, or '' where none is used."""

    def __init__(self, address: str, proxies: Mapping[str, str]) -> None:
        parts = urlsplit(address)
        self._set = select_proxy(address, dict(proxies)) or ""
        self.host = named(parts.hostname or "")
        self.variable = f"{(parts.scheme if parts.scheme in proxies else ALL).upper()}_PROXY"

    def __bool__(self) -> bool:
        return bool(self._set)

    @property
    def shown(self) -> str:
        """Its address without its login."""
        parts = self._parts()
        if parts is None or not parts.hostname:
            return f"of {self.variable}"
        return named(urlunsplit((parts.scheme, parts.netloc.rsplit("@", 1)[-1], parts.path, "", "")))

    @property
    def speaks_tls(self) -> bool:
        """Whether the proxy's address is https://. Often that is the server's scheme, copied by mistake."""
        parts = self._parts()
        return parts is not None and parts.scheme == "https"

    def secrets(self) -> Iterator[str]:
        """Its login, as written and decoded."""
        written = self._set.rsplit("@", 1)[0] if "@" in self._set else ""
        login = written.rsplit("://", 1)[-1]
        password = login.partition(":")[2]
        if password:
            yield from {login, unquote(login), password, unquote(password)}

    def fault(self, why: str) -> Odd:
        """The remedy if a connection through it failed. why: a harmless text."""
        parts = self._parts()
        wants_login = re.search(rf"\b{PROXY_LOGIN}\b", why)  # no part of a port
        is_unfit = parts is None or not parts.hostname or "SOCKS support" in why or "unsupported scheme" in why
        is_unfit = is_unfit or (self.speaks_tls and is_no_tls(why))
        odd = UNFIT if is_unfit else LOGIN if wants_login else NO_WAY
        return odd.told(why=why, variable=self.variable, host=self.host)

    def _parts(self) -> SplitResult | None:
        try:
            return urlsplit(str(prepend_scheme_if_needed(self._set, "http")))  # type: ignore[no-untyped-call]
        except (ValueError, LocationParseError):
            return None
