"""A resource that goes on under another name in its stack, since the client that names it was renamed.

Pulumi creates the new one first, which finds and continues its object by mark or claim, and deletes the old one then, by the
same id. Both happen in one process, which remembers what it created, so that the delete does not take it away again.
"""

import threading
from weakref import WeakKeyDictionary

from kcadmin.realm import Realm

_lock = threading.Lock()
_created: "WeakKeyDictionary[Realm, set[tuple[str, str, str]]]" = WeakKeyDictionary()


def remember_created(realm: Realm, kind: str, id_: str, owner: str) -> None:
    """This process made an object, or continued one."""
    with _lock:
        _created.setdefault(realm, set()).add((kind, id_, owner))


def goes_on(realm: Realm, kind: str, id_: str, owner: str) -> bool:
    """Whether the object of a resource to delete is that of one which this process has created."""
    with _lock:
        return (kind, id_, owner) in _created.get(realm, ())


def forget_created() -> None:
    """As a new process."""
    with _lock:
        _created.clear()
