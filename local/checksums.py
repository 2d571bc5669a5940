"""The SHA-256 of each archive that is unpacked and run.

A checksum that is published next to a file shows only that it arrived complete, not who made it. A version without one here
is refused, unless a person compares its SHA-256 with the publisher's, and gives it by a variable.
"""

import os
from pathlib import Path

from local import downloads
from local.layout import UserError

KEYCLOAK = {
    "24.0.5": "5ee1aefa6c611c57e1ee94406e0e51b91b8242b93072cafd19b88f72a4404702",
    "26.0.8": "d82a52098db41f036bcfe8f2ebfd9251781c8af5959af8714e8aa9b311081786",
    "26.2.5": "31c298273557bd53270905ae63c1522e319d2137ccce17318171864be496d699",
    "26.7.3": "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f",
    "26.7.5": "30ef87fb7101c43d29688d1ae80c0588ff4a151b3330e9f664bf9692d398658a",
}
"""SHA-256 of `keycloak-quarkus-dist-<version>.zip`; each was compared with the SHA-1 in Maven Central."""
POSTGRES = {"17.8.0-linux-amd64": "5a57b56942ed55dcbbec750d22369655e64f9c1c92f40a7e0ff1c66597271810"}
"""SHA-256 of the jars with PostgreSQL for tests, likewise."""
PULUMI = {
    "pulumi-v3.255.0-linux-x64.tar.gz": "cf559568e2c32f7fae56ea3de8ae5fa48973ba8c5aa9dd2b3dc0c8898fe50dba",
    "pulumi-v3.255.0-linux-arm64.tar.gz": "699fbc6ea848d997e9b3645487f108d27b1b55ec807c7576406131e6e080f0e3",
}
"""SHA-256 of Pulumi's release archives, by file name: docs/supply-chain.md says where they come from."""


def given(variable: str) -> str | None:
    """A SHA-256 that a person gives."""
    return os.environ.get(variable, "").strip().lower() or None


def require(file: Path, known: str | None, *, what: str, variable: str) -> None:
    """Refuse a file that does not have the right checksum. A file with another checksum than the known one is deleted.

    :param known: its SHA-256 as kept here, or None.
    :param what: the file, in words. variable: the variable that gives a SHA-256 which is not kept here.
    """
    expected = known or given(variable)
    if expected is None:
        raise UserError(
            f"{what}: no SHA-256 of it is kept in local/checksums.py, and the file that came has "
            f"{downloads.digest(file, 'sha256')}; compare that with its publisher's, and run again with "
            f"{variable}=<SHA-256>."
        )
    try:
        downloads.verify(file, expected, "sha256")
    except downloads.WrongChecksumError as error:
        raise UserError(f"{what}: {error}; it was deleted, run again on a network that you trust.") from None
