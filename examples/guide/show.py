"""Shows what the guide's six objects grant and what not, by real exchanges: ``python -m examples.guide.show``.

It makes a realm of its own with the guide's clients and users, takes the program of this folder through four wirings,
exchanges a token after each, calls an API with what came out, destroys the stack and deletes the realm.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import requests
from rich.markup import escape

from examples.api.server import Api, serving
from examples.stage import API, FRONTEND, LEFT, USER, Stage, console, differing, say_differing
from kcadmin.rest.connection import read_connection
from kcadmin.rest.errors import Forbidden, KeycloakError, TokenRefused
from kcadmin.rest.session import Session, path
from kcadmin.rest.tokens import ClientCredentials, TokenEndpoint
from reach.proof import Claims

HERE = Path(__file__).resolve().parent
WIRINGS = {
    "guide": "The guide's six objects",
    "mapper": "Its audience mapper alone: policy, scope and permission are deleted",
    "nothing": "Not even that",
    "grant": "A TokenExchangeGrant instead",
}
RECIPIENT, REQUESTER = "recipient: api, no audience", "requester: frontend, audience=api"
Outcome = tuple[str, str]


class Show:
    """One realm with the guide's clients, and what exchanges in it give."""

    def __init__(self, stage: Stage) -> None:
        self.endpoint = TokenEndpoint(stage.session, stage.realm)
        self.frontend = ClientCredentials(FRONTEND, stage.secret(FRONTEND))
        self.api = ClientCredentials(API, stage.secret(API))
        self._password = stage.password

    def exchanges(self, server: Api) -> dict[str, Outcome]:
        """What each flow gives, in words, with what the API says to it."""
        issued = self.endpoint.for_user(self.frontend, USER, self._password)
        console.print(f"  {'subject token':<34} {_words(self._claims(issued.access_token))}", style="dim")
        try:
            return {
                RECIPIENT: self._exchange(server, self.api, issued.access_token, None),
                REQUESTER: self._exchange(server, self.frontend, issued.access_token, API),
            }
        finally:
            self.endpoint.log_out(self.frontend, issued.refresh_token or "")

    def _exchange(self, server: Api, client: ClientCredentials, subject_token: str, audience: str | None) -> Outcome:
        try:
            token = self.endpoint.exchange(client, subject_token, audience=audience).access_token
        except TokenRefused as refused:
            return str(refused), ""
        return _words(self._claims(token)), _call(server, token)

    def _claims(self, token: str) -> Claims:
        return Claims.read(self.endpoint.claims(token))


def main() -> int:
    """Runs the show; 0 when all is as the README of this folder says."""
    session = Session(read_connection(lambda key: None))  # from the environment alone
    stage = Stage(session, HERE)
    with stage.realm_of_its_own():
        show = Show(stage)
        with serving(show.endpoint.issuer(), API) as server:
            console.print(f"Realm {stage.realm} of {session.connection.url}; the API is {server.url}.")
            before, seen = stage.export(), {}
            _management_permissions(session, stage.realm)
            with stage.stack():
                for number, (wiring, title) in enumerate(WIRINGS.items(), 1):
                    console.print(f"\n[bold]{number}. {title}[/bold]")
                    stage.up(wiring=wiring)
                    seen[wiring] = show.exchanges(server)
                    _print(seen[wiring])
            changed = differing(before, stage.export())
    say_differing(changed)
    return _conclude(seen, changed)


def _conclude(seen: Mapping[str, Mapping[str, Outcome]], changed: list[str]) -> int:
    inert = seen["guide"] == seen["mapper"]
    works = all(api.startswith("200") for _, api in seen["grant"].values())
    words, api = seen["guide"][RECIPIENT]
    console.print("\n[bold]What this shows[/bold]")
    console.print(
        "- Policy, scope and permission on the target's own resource server "
        + ("grant nothing: every answer is the same without them." if inert else "changed an answer.")
    )
    if api:
        console.print(
            "- The guide's manual test succeeds through the audience mapper alone, and the API refuses its token."
        )
    else:
        console.print(f"- On this server the guide's manual test is refused: {escape(words)}.")
    console.print(f"- The API, which looks at aud, {'takes' if works else 'refuses'} the tokens of the grant.")
    return 0 if inert and works and set(changed) <= LEFT else 1


def _management_permissions(session: Session, realm: str) -> None:
    (client,) = session.get(path("admin", "realms", realm, "clients"), clientId=API)
    try:
        session.get(path("admin", "realms", realm, "clients", str(client["id"]), "management", "permissions"))
    except KeycloakError as problem:
        console.print(f"The guide's step 2, management permissions: {escape(str(problem).rsplit('-> ', 1)[-1])}")


def _print(found: Mapping[str, Outcome]) -> None:
    for label, (words, api) in found.items():
        style = "green" if api.startswith("200") else "red"
        console.print(f"  {label:<34} {escape(words)}", style=style)
        if api:
            console.print(f"  {'':<34} → API: {escape(api)}", style=style)


def _words(claims: Claims) -> str:
    return f"azp={claims.azp} aud={','.join(sorted(claims.aud)) or 'none'}" + (
        f", {claims.answered} exchange" if claims.answered else ""
    )


def _call(server: Api, token: str) -> str:
    answer = requests.get(server.url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    body = answer.json()
    if answer.ok:
        return f"{answer.status_code} user {body['user']} through {body['through']}"
    return f"{answer.status_code} {body['error_description']}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Forbidden:
        sys.exit("error: this login may not create a realm; run the guide on the dev server, without KEYCLOAK_URL.")
    except KeycloakError as problem:
        sys.exit(f"error: {problem}")
