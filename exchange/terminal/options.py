"""Options that several commands take, once: which stack, which realm, which login, and JSON."""

from pathlib import Path
from typing import Annotated

import typer

from kcadmin.rest.connection import INSECURE_HTTP, PUBLIC_ADDRESS

Stack = Annotated[
    str | None, typer.Option("--stack", metavar="NAME", show_default="the selected one", help="The stack.")
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", show_default="the stack's", help="Keycloak's address; with --realm, no stack is read."
    ),
]
Realm = Annotated[str | None, typer.Option("--realm", metavar="NAME", show_default="the stack's", help="The realm.")]
AdminUsername = Annotated[
    str | None,
    typer.Option(
        "--admin-username", metavar="NAME", show_default="admin", help="The user to log in as, without a stack."
    ),
]
ClientId = Annotated[
    str | None,
    typer.Option(
        "--client-id",
        metavar="ID",
        show_default=False,
        help="Log in as this client, without a stack; KEYCLOAK_CLIENT_SECRET or KEYCLOAK_PRIVATE_KEY holds its secret.",
    ),
]
LoginRealm = Annotated[
    str | None,
    typer.Option("--login-realm", metavar="NAME", show_default="master", help="The realm of that login."),
]
CaCertificate = Annotated[
    str | None,
    typer.Option(
        "--ca-certificate",
        metavar="FILE",
        show_default=False,
        help="A PEM file of the CA that signed the server's certificate.",
    ),
]
PublicUrl = Annotated[
    str | None,
    typer.Option(
        "--public-url",
        metavar="URL",
        envvar=PUBLIC_ADDRESS,
        show_default="as --url",
        help="The server's own address, if its tokens contain another one.",
    ),
]
InsecureHttp = Annotated[
    bool,
    typer.Option(
        "--insecure-http", envvar=INSECURE_HTTP, help="Allow http:// to another machine; for experiments only."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON objects.")]


def login(
    admin_username: str | None,
    client_id: str | None,
    login_realm: str | None,
    ca_certificate: str | None,
    public_url: str | None,
    insecure_http: bool,
) -> dict[str, str | None]:
    """The options of a login without a stack, as config keys."""
    return {
        "adminUsername": admin_username,
        "clientId": client_id,
        "loginRealm": login_realm,
        # a path from the current folder, not from a project
        "caCertificate": ca_certificate and str(Path.cwd() / ca_certificate),
        "publicUrl": public_url,
        "insecureHttp": "true" if insecure_http else None,
    }
