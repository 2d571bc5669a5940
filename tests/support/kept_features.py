"""What a server of the tests offers, which stays as it is: read once by each login, not by each run of a stack.

The answer is 300 kB, and costs as much as ten other requests. Through a proxy, it is read as in a process of its own.
"""

from kcadmin.objects.features import Features, read_features
from kcadmin.rest.connection import Connection
from kcadmin.rest.session import Session

SHARED: set[str] = set()
"""The addresses of the servers that all tests share."""
_kept: dict[Connection, Features] = {}


def features_once(session: Session) -> Features:
    """Stands for ``read_features``."""
    login = session.connection
    if login.url not in SHARED:
        return read_features(session)
    if login not in _kept:
        _kept[login] = read_features(session)
    return _kept[login]
