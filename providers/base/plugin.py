"""How a provider answers in a plugin's process: by sentences, and with values that nothing obeys which shows them."""

import sys

from pulumi.dynamic import ResourceProvider

from providers.base.messages import errors_as_sentences, show_warnings
from providers.base.values import with_closed_values

CALLED_BY_PULUMI = ("check", "diff", "create", "update", "read", "delete")


def speak_to_people(provider: ResourceProvider) -> None:
    """From now on."""
    show_warnings()
    sys.tracebacklimit = 0  # in this process an exception is shown to people, as its sentence
    for method in CALLED_BY_PULUMI:
        setattr(provider, method, errors_as_sentences()(with_closed_values(getattr(provider, method))))
