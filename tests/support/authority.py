"""A certificate authority of the tests, with certificates for a server on this machine and for clients."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

DAYS = 30  # of an authority, and of a server that is kept


class Authority:
    """Writes PEM files into a folder, where it is found again. ``certificate``: its own."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        self._folder, self._name, self.certificate = folder, _name(name), folder / f"{name}.pem"
        kept = folder / f"{name}.key"
        if not kept.exists():
            _write(kept, rsa.generate_private_key(65537, 2048))
        self._key = _read(kept)
        if not self.certificate.exists():
            made = self._builder(self._name, self._key, DAYS).add_extension(
                x509.BasicConstraints(ca=True, path_length=None), True
            )
            self.certificate.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def issue(self, common_name: str, days: int = 1, **names: str) -> tuple[Path, Path]:
        """The files of a certificate for this machine, or for a client, and of its key. days: until it ends."""
        key = rsa.generate_private_key(65537, 2048)
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = self._builder(_name(common_name, **names), key, days).add_extension(address, False)
        files = self._folder / f"{common_name}.crt", self._folder / f"{common_name}.key"
        files[0].write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        _write(files[1], key)
        return files

    def _builder(self, subject: x509.Name, key: rsa.RSAPrivateKey, days: int) -> x509.CertificateBuilder:
        now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
        serial = x509.random_serial_number()
        return x509.CertificateBuilder(self._name, subject, key.public_key(), serial, now - 3 * day, now + days * day)


def _name(common_name: str, *, organization: str = "Test", unit: str = "") -> x509.Name:
    parts = [(NameOID.ORGANIZATION_NAME, organization), (NameOID.ORGANIZATIONAL_UNIT_NAME, unit)]
    parts.append((NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])


def _write(file: Path, key: rsa.RSAPrivateKey) -> None:
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _read(file: Path) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(file.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key
