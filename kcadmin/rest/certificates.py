"""A client's certificate, by which it logs in over TLS (``tls_client_auth``): paths of PEM files, read at each connection.

https://www.rfc-editor.org/rfc/rfc8705#section-2.1 and https://www.keycloak.org/server/mutual-tls
"""

import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kcadmin.rest.texts import named, shown
from kcadmin.rest.variables import CERTIFICATE, CERTIFICATE_KEY, OF_CLIENTS

_OTHERS = ("clientSecret", "privateKey", "clientAssertionFile")


@dataclass(frozen=True)
class CertificateLogin:
    """A client's service account by a certificate. key: path of its private key; the certificate's where one file holds both."""

    client_id: str
    certificate: str
    key: str


def read_certificate(
    get: Callable[[str], str], environ: Mapping[str, str], faults: list[str]
) -> CertificateLogin | None:
    """The login, or None if another method is chosen.

    The environment's paths win over config, and choose this method if nothing else is set.
    """
    beside = [key for key in _OTHERS if get(key)]
    if not get("clientCertificate"):
        if get("clientKey"):
            faults.append("config 'clientKey': is set without clientCertificate; set that too, or remove clientKey.")
        others = beside or any(value for name, value in environ.items() if name in OF_CLIENTS)
        if others or not (environ.get(CERTIFICATE, "").strip() and get("clientId")):
            return None
    faults += [f"config {named(key)}: is set beside clientCertificate; keep one of them." for key in beside]
    if not get("clientId"):
        faults.append("config 'clientCertificate': is set without clientId; set clientId, or remove clientCertificate.")
    if get("url").lower().startswith("http:"):
        faults.append("config 'clientCertificate': works only over TLS; give an https:// address as url.")
    certificate = environ.get(CERTIFICATE, "").strip() or get("clientCertificate")
    key = environ.get(CERTIFICATE_KEY, "").strip() or get("clientKey") or certificate
    for name, path in (("clientCertificate", certificate), ("clientKey", key)):
        if not os.path.isfile(path):  # noqa: PTH113 (Path.is_file raises OSError for a path that is too long)
            faults.append(f"config {named(name)}: there is no file {shown(path)}; give the path of a PEM file.")
            return None
    try:
        # without a password OpenSSL asks a person
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError):
        faults.append(
            f"config 'clientCertificate': {shown(certificate)} and {shown(key)} are not a certificate in PEM and its "
            "unencrypted private key; give both."
        )
    except OSError as problem:
        faults.append(
            f"config 'clientCertificate': {shown(certificate)} or {shown(key)} cannot be read ({problem.strerror}); "
            "let this account read both."
        )
    return CertificateLogin(get("clientId"), certificate, key)


def subject_of(login: CertificateLogin) -> str:
    """The certificate's subject, in the order in which Keycloak compares it (RFC 2253); '' where it cannot be read."""
    from cryptography import x509  # slow to import, and seldom used

    try:
        return x509.load_pem_x509_certificate(Path(login.certificate).read_bytes()).subject.rfc4514_string()
    except (OSError, ValueError):
        return ""


def certificate_remedy(login: CertificateLogin) -> str:
    """The remedy if Keycloak does not accept it."""
    return (
        "give the client the authenticator 'X509 Certificate' and the subject DN "
        f"{shown(subject_of(login))}, without a regular expression, and check loginRealm; the server must ask for certificates "
        "(--https-client-auth=request) and trust their CA, and a proxy must pass them on"
    )
