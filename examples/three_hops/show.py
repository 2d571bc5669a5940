"""Shows the guide's example from end to end, and in three hops: ``python -m examples.three_hops.show``.

It makes a realm of its own with the guide's clients and a third one, brings the program of this folder up, lets two services
run, sends a user's call through them, destroys the stack and deletes the realm.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests
from rich.markup import escape

from examples.api.server import Api, OnwardProblem, log, serving
from examples.calls import Application, Refused, call, said_by
from examples.stage import API, FRONTEND, LEFT, USER, Stage, console, differing, say_differing
from kcadmin.objects.features import LEGACY, STANDARD, read_features
from kcadmin.rest.connection import read_connection
from kcadmin.rest.errors import Forbidden, KeycloakError
from kcadmin.rest.session import Session
from kcadmin.rest.tokens import TokenEndpoint

HERE = Path(__file__).resolve().parent
REPORTS = "authentication-test-reports"
ANY_PORT = 0
OK, UNAUTHORISED = 200, 401
CHAIN = [(USER, FRONTEND, API), (USER, API, REPORTS)]


def onward(application: Application, audience: str, url: str) -> Callable[[str], Mapping[str, Any]]:
    """How a service asks the next one for its caller: it exchanges the token that it received, and calls with the new one."""

    def ask(token: str) -> Mapping[str, Any]:
        try:
            status, body = call(url, application.exchange(token, audience))
        except Refused as refused:
            raise OnwardProblem(f"no token for {audience}: {refused}") from None
        except requests.RequestException:
            raise OnwardProblem(f"{audience} at {url} gives no answer") from None
        if status != OK:
            raise OnwardProblem(f"{audience} answers {status} {body.get('error_description')}")
        return body

    return ask


def main() -> int:
    """Runs the show; 0 when each call was answered as it should be and the realm is as it was."""
    _log_to_the_console()
    session = Session(read_connection(lambda key: None))  # from the environment alone
    exchange = LEGACY if read_features(session).offers(LEGACY) else STANDARD
    stage = Stage(session, HERE, more=[REPORTS])
    with stage.realm_of_its_own():
        issuer = TokenEndpoint(session, stage.realm).issuer()
        api = Application(issuer, API, stage.secret(API))
        with serving(issuer, REPORTS, ANY_PORT, callers=[API]) as reports:
            asks = onward(api, REPORTS, reports.url)
            with (
                serving(issuer, API, callers=[FRONTEND, API]) as plain,
                serving(issuer, API, ANY_PORT, onward=asks) as hop,
            ):
                console.print(
                    f"Realm {stage.realm} of {session.connection.url}, {exchange} exchange; the API is {plain.url}."
                )
                before = stage.export()
                with stage.stack(exchange=exchange):
                    stage.up()
                    good = _walk(stage, issuer, api, plain, hop, reports)
                changed = differing(before, stage.export())
    say_differing(changed)
    return 0 if good and set(changed) <= LEFT else 1


def _walk(stage: Stage, issuer: str, api: Application, plain: Api, hop: Api, reports: Api) -> bool:
    frontend = Application(issuer, FRONTEND, stage.secret(FRONTEND))
    login = frontend.user_token(USER, stage.password)
    try:
        token = str(login["access_token"])
        console.print("\n[bold]The guide's example from end to end[/bold]")
        _say(f"1. {USER} logs in at the frontend: {said_by(token)}")
        received = api.exchange(token)
        _say(f"2. the API exchanges the token that it received: {said_by(received)}")
        _say("3. the API is called with it:")
        good = call(plain.url, received)[0] == OK

        console.print("\n[bold]Three hops: user → frontend → API → reports[/bold]")
        for_api = frontend.exchange(token, API)
        _say(f"1. the frontend asks for audience={API}: {said_by(for_api)}")
        _say(f"2. it calls the API, which asks for audience={REPORTS} with what it received, and calls that:")
        status, body = call(hop.url, for_api)
        good &= status == OK and _chain(body) == CHAIN

        console.print("\n[bold]No hop can be skipped[/bold]")
        _say("1. the token for the API, at reports:")
        good &= call(reports.url, for_api)[0] == UNAUTHORISED
        _say("2. the frontend asks for a token for reports itself:")
        try:
            good &= call(reports.url, frontend.exchange(token, REPORTS))[0] == UNAUTHORISED
        except Refused as refused:
            _say(f"   refused: {refused}", "green")
        return good
    finally:
        frontend.log_out(str(login["refresh_token"]))


def _chain(body: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Who acted for whom and where, hop after hop."""
    then = body.get("then")
    return [(body["user"], body["through"], body["at"]), *(_chain(then) if then else [])]


def _say(line: str, style: str = "") -> None:
    console.print(f"  {escape(line)}", style=style)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _say(f"   log: {record.getMessage()}", "cyan")


def _log_to_the_console() -> None:
    """The services' own log lines, between ours."""
    log.addHandler(_Lines())
    log.setLevel(logging.INFO)
    log.propagate = False


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Forbidden:
        sys.exit("error: this login may not create a realm; run the example on the dev server, without KEYCLOAK_URL.")
    except (KeycloakError, Refused) as problem:
        sys.exit(f"error: {problem}")
