"""The settings of a client that owners claim, beside the switch of the standard exchange, and what each claim may contain."""

import re
from typing import Annotated, Literal

from kcadmin.marks.notes import BOOLEAN_TEXT
from kcadmin.objects.claims import Kind
from kcadmin.objects.clients import FULL_SCOPE
from kcadmin.objects.lifespans import LIFESPAN
from kcadmin.objects.shared_settings import REFRESH_TOKENS

SECONDS_TEXT = Annotated[str | None, re.compile(r"-1|[0-9]{1,15}")]
LIFESPAN_CLAIM = Kind("token-lifespan", {LIFESPAN: SECONDS_TEXT}, {LIFESPAN: SECONDS_TEXT})
FULL_SCOPE_CLAIM = Kind("full-scope", {FULL_SCOPE: Literal[False]}, {FULL_SCOPE: bool | None})
REFRESH_TOKENS_CLAIM = Kind("refresh-tokens", {REFRESH_TOKENS: Literal["false"]}, {REFRESH_TOKENS: BOOLEAN_TEXT})


def assignment_kind(scope: str) -> Kind:
    """The kind of the claim on a client that was given a client scope of another owner, or an unmanaged one."""
    return Kind(f"{ASSIGNMENT}{scope}")


ASSIGNMENT = "client-scope:"
