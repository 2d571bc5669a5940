"""The options of a robot that logs in by the tokens of another issuer."""

from collections.abc import Mapping
from dataclasses import dataclass

from kcadmin.objects.robot_issuer import TYPES, Issuer
from kcadmin.objects.robot_login import ByIssuer
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.texts import unfit

_TYPES = f"one of --{', --'.join(TYPES)}"


@dataclass(frozen=True)
class Federated:
    """What was asked for. types: which of ``TYPES`` were given."""

    alias: str
    subject: str
    issuer: str
    types: tuple[str, ...]
    keys: str = ""
    reuse: bool = False
    max_age: int | None = None
    key_options: tuple[str, ...] = ()

    def login(self) -> tuple[ByIssuer, Issuer | None] | None:
        """The robot's login, and the provider that is to be made; None for a robot with a key.

        :raises InvalidSettings: all faults at once.
        """
        faults = [*self._faults()]
        made = Issuer(self.types[0], self.issuer, self.keys, self.reuse, self.max_age) if self.types else None
        if made and not faults:
            faults += made.faults(self.subject)
        if faults:
            raise InvalidSettings(faults)
        return (ByIssuer(self.alias, self.subject), made) if self.alias else None

    def _faults(self) -> list[str]:
        given: Mapping[str, object] = {
            "--subject": self.subject,
            "--issuer": self.issuer,
            **{f"--{each}": each for each in self.types},
            "--keys": self.keys,
            "--reuse": self.reuse,
            "--max-age": self.max_age,
        }
        names = [name for name, value in given.items() if value not in ("", False, None)]
        if not self.alias:
            return [f"{name}: needs --federated; give that too, or leave {name} out." for name in names]
        faults = [
            f"{each}: a robot with --federated has no key; leave one of the two out." for each in self.key_options
        ]
        if not self.subject:
            faults.append("--federated: has no --subject; give the sub of the tokens.")
        for name, value in (("--federated", self.alias), ("--subject", self.subject)):
            if wrong := unfit(value):
                faults.append(f"{name}: {wrong}; correct it.")
        if self.issuer and len(self.types) != 1:
            faults.append(f"--issuer: has {' and '.join(self.types) or 'no type'}; give {_TYPES}.")
        if not self.issuer:
            remedy = "give --issuer, or leave it out and use the identity provider as it is"
            faults += [f"{name}: describes a new identity provider; {remedy}." for name in names if name != "--subject"]
        return faults
