"""Which machine a request to an address goes to, read as the HTTP library reads the address."""

import ipaddress

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url


def host_of(url: str) -> str:
    """The host of an address, or ''. Python's own parser finds another one in ``http://a\\[::1]``."""
    try:
        return (parse_url(url).host or "").strip("[]").lower()
    except LocationParseError:
        return ""


def is_loopback(url: str) -> bool:
    """Whether an address is one of this machine: ``localhost``, 127.0.0.0/8 or ::1."""
    host = host_of(url).removesuffix(".")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
