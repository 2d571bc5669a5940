"""Whose a stack's objects are: the owner in its config, or the stack's name if the backend has organizations.

docs/adr/0023-an-owner-is-chosen.md says why.
"""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from weakref import WeakKeyDictionary

from pulumi.runtime import is_dry_run

from kcadmin.marks.proposals import NO_OTHER_NAME, proposed_owner, unfit_owner, usual_owner
from kcadmin.marks.whose import TAKEN_OVER_BY
from kcadmin.rest.texts import shown
from providers.base.face import config_value, this_run
from providers.base.own_state import own_state, stack_name

_told: "WeakKeyDictionary[object, str]" = WeakKeyDictionary()


def default_owner() -> str | None:
    """The owner of a stack whose config names none; None where no organization tells it from others of its name."""
    return usual_owner(stack_name()) or None


def stack_owner() -> str | None:
    """The owner of the running stack's objects, by its config or by default; None if it must be set."""
    return config_value("owner") or default_owner()


def taken_over_by() -> str:
    """The owner who takes over what a former owner left. Empty except in the preview of `python -m exchange release --adopt`."""
    return os.environ.get(TAKEN_OVER_BY, "") if is_dry_run() else ""


def owner_faults(owner: str | None) -> list[str]:
    """Why a stack with this owner is refused."""
    if owner is None:
        return [no_owner()]
    wrong = unfit_owner(owner)
    return [f"config 'owner': {wrong}."] if wrong else []


def no_owner() -> str:
    """Why a stack without an owner is refused, with a command that sets one. The same text in the whole run."""
    root = this_run()
    if root is not None and root in _told:
        return _told[root]
    told = owner_to_set(stack_name(), (each.owner for each in own_state()), Path.cwd().name)
    return _told.setdefault(root, told) if root is not None else told


def owner_to_set(stack: str, held: Iterable[str], project: str) -> str:
    """The same for any stack. held: the owners of the objects in its state. project: a word that a new owner may begin with."""
    new = f"pulumi config set owner {proposed_owner(project, stack.rpartition('/')[2])}"
    bears = Counter(filter(None, held))
    if not bears:
        return (
            f"config 'owner': is not set, and {NO_OTHER_NAME}; run `{new}`, or set another name that no other stack has and that "
            "need not change when something is renamed."
        )
    now = stack if stack in bears else bears.most_common(1)[0][0]
    return (
        f"config 'owner': is not set, and this stack's objects have the owner {shown(now)}, which stacks of other backends may "
        f"have, too; run `pulumi config set owner {quote(now)}` to keep it, or `{new}` to give them one that no other stack has."
    )
