"""Why a TLS connection failed: by OpenSSL's number for a certificate's fault, or by the words of its error."""

import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

from kcadmin.rest.odd import Odd
from kcadmin.rest.texts import shown

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables by which requests takes other authorities, the first one that is set."""

UNKNOWN_CA = Odd(
    "tls-unknown-ca",
    "its TLS certificate is signed by an authority that this machine does not trust",
    "set caCertificate to the PEM file of that authority, with the intermediate ones",
)
ANOTHER_CA = Odd(
    "tls-another-ca",
    "its TLS certificate is signed by another authority than those in caCertificate {file}",
    "give the PEM file of the authority that signed it, with the intermediate ones",
)
ANOTHER_NAME = Odd(
    "tls-another-name",
    "its TLS certificate is for another host than {host}",
    "set url to a host that the certificate names, or let the server have a certificate for {host}",
)
EXPIRED = Odd(
    "tls-expired",
    "its TLS certificate has expired",
    "renew it at the server, or at the proxy before it; if it is valid, correct this machine's clock",
)
NOT_YET_VALID = Odd(
    "tls-not-yet-valid",
    "its TLS certificate is not valid yet",
    "correct this machine's clock, or the server's certificate",
)
NOT_ACCEPTED = Odd(
    "tls-not-accepted",
    "its TLS certificate is not accepted ({why})",
    "let the server have one that OpenSSL accepts, or set caCertificate to the PEM file of its authority",
)
NO_TLS = Odd(
    "tls-none",
    "nothing speaks TLS there ({why})",
    "give the port that speaks TLS, or an http:// address if the server is on this machine",
)
BROKEN = Odd(
    "tls-broken", "no connection by TLS ({why})", "check that url is its address, and that it speaks TLS 1.2 or later"
)
UNFIT_BUNDLE = Odd(
    "tls-authorities",
    "{variable} is {file}, which is not a readable file of PEM certificates",
    "correct it, or set caCertificate to the PEM file of the server's authority",
)
ODD = (UNKNOWN_CA, ANOTHER_CA, ANOTHER_NAME, EXPIRED, NOT_YET_VALID, NOT_ACCEPTED, NO_TLS, BROKEN, UNFIT_BUNDLE)

# OpenSSL's X509_V_ERR_…
_UNKNOWN = (2, 18, 19, 20, 21)
_BY_CODE = {9: NOT_YET_VALID, 10: EXPIRED, 62: ANOTHER_NAME, 64: ANOTHER_NAME}
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


def fault_of(problem: BaseException, host: str, ca_certificate: str, why: str) -> Odd:
    """Why a connection by TLS failed.

    :param host: of the address. ca_certificate: the file or ''. why: the innermost cause. All are harmless texts.
    """
    if found := certificate_problem(problem):
        return _of_certificate(found, ca_certificate).told(host=host, file=ca_certificate, why=why)
    words = str(problem).upper()
    if "DOESN'T MATCH" in words:
        return ANOTHER_NAME.told(host=host)
    return (NO_TLS if is_no_tls(words) else BROKEN).told(why=why)


def is_no_tls(words: str) -> bool:
    """Whether OpenSSL says that the other side does not speak TLS."""
    return any(each in words.upper() for each in _NO_TLS)


def unfit_bundle(file: object, environ: Mapping[str, str] = os.environ) -> Odd | None:
    """What is told where a variable names a file of authorities that cannot be read. file: from which all are taken now."""
    variable = next((each for each in BUNDLES if file and environ.get(each) == file), None)
    if variable is None:
        return None
    kind = "capath" if Path(str(file)).is_dir() else "cafile"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(**{kind: str(file)})
    except OSError:  # ssl.SSLError is a subclass
        return UNFIT_BUNDLE.told(variable=variable, file=shown(file))
    return None


def certificate_problem(problem: BaseException) -> ssl.SSLCertVerificationError | None:
    """OpenSSL's number for a certificate's fault, within an error; None if that is not the cause."""
    return next((each for each in _within(problem) if isinstance(each, ssl.SSLCertVerificationError)), None)


def _of_certificate(problem: ssl.SSLCertVerificationError, ca_certificate: str) -> Odd:
    code = getattr(problem, "verify_code", 0)
    if code in _UNKNOWN:
        return ANOTHER_CA if ca_certificate else UNKNOWN_CA
    return _BY_CODE.get(code, NOT_ACCEPTED)


def _within(problem: BaseException) -> Iterator[object]:
    """An error and its causes: requests and urllib3 wrap one into another."""
    seen: list[object] = [problem]
    for each in seen:
        yield each
        inner = [
            *getattr(each, "args", ()),
            *(getattr(each, name, None) for name in ("reason", "__cause__", "__context__")),
        ]
        seen += [one for one in inner if isinstance(one, BaseException) and all(one is not known for known in seen)]
