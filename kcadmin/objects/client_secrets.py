"""The secrets of the clients that take part in an exchange: from the environment, else from the server, else from a person.

Several clients may have the same variable: ``team1/tool`` and ``team1-tool``, or one id in two realms. Then each has a
longer one.

https://www.keycloak.org/docs-api/latest/rest-api/index.html#_clients (client-secret)
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping

from kcadmin.objects.clients import Clients
from kcadmin.rest.errors import HttpError, Refusal, sentence
from kcadmin.rest.session import Session
from kcadmin.rest.texts import named

VARIABLE_PREFIX = "KEYCLOAK_CLIENT_SECRET_"
SIGNED_JWT = "client-jwt"
BY_SECRET = "client-secret"


def variable(client_id: str) -> str:
    """The environment variable for a client's secret, or for its private key as PEM."""
    return VARIABLE_PREFIX + re.sub(r"[^A-Z0-9]", "_", client_id.upper())


def own_variable(realm: str, client_id: str) -> str:
    """The variable of this client alone, if several clients would have the same one."""
    return f"{variable(client_id)}_{hashlib.sha256(f'{realm}/{client_id}'.encode()).hexdigest()[:8].upper()}"


def unseen(realm: str, client_id: str) -> Refusal:
    """Why a client of a stack cannot take part."""
    remedy = "run `pulumi refresh`, or give the login the role view-clients"
    return Refusal(sentence("client", client_id, realm, "does not exist, or this login may not read it", remedy))


class ClientSecrets:
    """Gives the secret of a client; '' for a public one. Each is read once, even if that fails.

    :param read: may read a secret from the server, which writes it nowhere.
    :param ask: asks a person; None where nobody can be asked.
    :param among: realm and id of all clients that take part, each once.
    """

    def __init__(
        self,
        session: Session,
        environ: Mapping[str, str],
        *,
        read: bool,
        ask: Callable[[str], str] | None = None,
        among: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._session = session
        self._environ = environ
        self._read = read
        self._ask = ask
        self._sharing: dict[str, list[tuple[str, str]]] = {}
        for place in among:
            self._sharing.setdefault(variable(place[1]), []).append(place)
        self._realms: dict[str, Clients] = {}
        self._found: dict[tuple[str, str], str | Refusal] = {}

    def __call__(self, realm: str, client_id: str) -> str:
        """:raises Refusal: no secret is available; it says which variable to set."""
        key = (realm, client_id)
        if key not in self._found:
            try:
                self._found[key] = self._environ.get(self._variable(realm, client_id)) or self._look_up(
                    realm, client_id
                )
            except Refusal as refusal:
                self._found[key] = refusal
        found = self._found[key]
        if isinstance(found, Refusal):
            raise found
        return found

    def _variable(self, realm: str, client_id: str) -> str:
        alone = len(self._sharing.get(variable(client_id), ())) < 2
        return variable(client_id) if alone else own_variable(realm, client_id)

    def _refuse_shared(self, realm: str, client_id: str) -> None:
        """:raises Refusal: the environment gives one of several clients a secret, and does not say which."""
        shared = variable(client_id)
        if self._variable(realm, client_id) == shared or not self._environ.get(shared):
            return
        places = self._sharing[shared]
        others = [f"{named(name)} of realm {named(at)}" for at, name in places if (at, name) != (realm, client_id)]
        wrong = f"{shared} is set, which is the variable of {' and '.join(others)} too"
        each = " and ".join(own_variable(*place) for place in places)
        raise Refusal(sentence("client", client_id, realm, wrong, f"set {each} in its place"))

    def _look_up(self, realm: str, client_id: str) -> str:
        clients = self._realms.setdefault(realm, Clients(self._session, realm))
        client = clients.find(client_id)
        if client is None:
            raise unseen(realm, client_id)
        if client.is_on("publicClient"):
            return ""
        self._refuse_shared(realm, client_id)
        kind = client.value("clientAuthenticatorType")
        if kind == SIGNED_JWT:
            raise self._missing(realm, client_id, "shows a signed JWT", "its private key (PEM)")
        if kind != BY_SECRET:
            raise Refusal(
                sentence(
                    "client",
                    client_id,
                    realm,
                    f"authenticates by {named(kind)}",
                    "prove this exchange by hand: only secrets and private_key_jwt are known here",
                )
            )
        why = "its secret is not known"
        if self._read:
            try:
                secret = str(self._session.get(clients.path(client.uuid, "client-secret")).get("value") or "")
                if secret.strip("*"):  # asterisks: a proxy or another version of Keycloak hides it
                    return secret
                why = "the server does not show its secret"
            except HttpError as problem:
                why = f"its secret was not given ({problem.clause})"
        answer = self._ask(f"Secret of client {named(client_id)} in realm {named(realm)}") if self._ask else ""
        if not answer:
            raise self._missing(realm, client_id, why, "it")
        return answer

    def _missing(self, realm: str, client_id: str, why: str, what: str) -> Refusal:
        return Refusal(sentence("client", client_id, realm, why, f"set {self._variable(realm, client_id)} to {what}"))
