"""``python -m exchange bootstrap``."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from exchange.bootstrap import bootstrap
from exchange.bootstrap.federated import Federated
from exchange.terminal.console import ask, person, print_warning, problems, warn_of_connection
from exchange.terminal.options import InsecureHttp, PublicUrl, login
from exchange.terminal.screen import print_line, print_text
from exchange.terminal.version_control import warn_unless_ignored
from kcadmin.objects import robot
from kcadmin.objects.robot_issuer import KUBERNETES, OIDC, SPIFFE
from kcadmin.rest.connection import read_connection
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.texts import named
from kcadmin.rest.variables import ADMIN_PASSWORD

EPILOG = "See docs/own-keycloak.md, A robot instead of an administrator."


def bootstrap_command(
    realm: Annotated[str, typer.Option(metavar="NAME", help="The realm that the robot belongs to and manages.")],
    url: Annotated[str, typer.Option(metavar="URL", envvar="KEYCLOAK_URL", help="Keycloak's base address.")],
    client_id: Annotated[str, typer.Option(metavar="ID", help="The robot's client id.")] = "pulumi-token-exchange",
    legacy: Annotated[bool, typer.Option("--legacy", help="Allow legacy grants too: adds view-authorization.")] = False,
    guards: Annotated[bool, typer.Option("--guards", help="Allow guards: adds manage-realm.")] = False,
    realm_roles: Annotated[
        bool, typer.Option("--realm-roles", help="Allow requiredRoles of the realm: adds manage-realm.")
    ] = False,
    role_policies: Annotated[
        bool,
        typer.Option("--role-policies", help="Allow policies on realm roles: adds view-authorization, view-realm."),
    ] = False,
    user_policies: Annotated[
        bool,
        typer.Option("--user-policies", help="Allow policies on users or groups: adds view-authorization, view-users."),
    ] = False,
    dry_runs: Annotated[bool, typer.Option("--dry-runs", help="Allow dry runs for a user: adds view-users.")] = False,
    audit: Annotated[bool, typer.Option("--audit", help="Allow the audit: adds view-events.")] = False,
    events: Annotated[
        bool,
        typer.Option("--events", help="Allow switching events on, and the audit: adds manage-events."),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLIENT",
            show_default=False,
            help="Let it manage only this client; repeat for more. Switches the realm's admin permissions on.",
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default="<client id>-<realm>-<host>.pem",
            help="The file of its private key; created if it does not exist.",
        ),
    ] = None,
    new_key: Annotated[
        bool,
        typer.Option(
            "--new-key", help="Make a new key and create the client again: its former keys and tokens end at once."
        ),
    ] = False,
    federated: Annotated[
        str | None,
        typer.Option(
            metavar="ALIAS",
            show_default=False,
            help="Log in without a key, by tokens from the issuer of this identity provider.",
        ),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="SUB", show_default=False, help="The claim sub of those tokens.")
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            show_default=False,
            help="Also create the identity provider, for this issuer; needs --kubernetes, --oidc or --spiffe.",
        ),
    ] = None,
    kubernetes: Annotated[bool, typer.Option("--kubernetes", help="The issuer is a Kubernetes cluster.")] = False,
    oidc: Annotated[bool, typer.Option("--oidc", help="The issuer uses OpenID Connect, as CI systems do.")] = False,
    spiffe: Annotated[
        bool, typer.Option("--spiffe", help="The issuer is a SPIFFE trust domain; needs --keys.")
    ] = False,
    keys: Annotated[
        str | None,
        typer.Option(
            metavar="URL", show_default="from its discovery document", help="The address of the issuer's keys."
        ),
    ] = None,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="With --oidc: accept a token more than once, for a job that gets only one.")
    ] = False,
    max_age: Annotated[
        int | None,
        typer.Option(metavar="SECONDS", min=1, show_default="300", help="With --oidc: how old a token may be."),
    ] = None,
    accept_policy_changes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD",
            show_default=False,
            help="A field of the robot that the realm's client policies may change; repeat for more.",
        ),
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Delete the robot, and undo what was switched on for it.")
    ] = False,
    admin_username: Annotated[str, typer.Option(metavar="NAME", help="The administrator who creates it.")] = "admin",
    login_realm: Annotated[str, typer.Option(metavar="NAME", help="The administrator's realm.")] = "master",
    ca_certificate: Annotated[
        str, typer.Option(metavar="FILE", help="A PEM file of the CA that signed the server's certificate.")
    ] = "",
    public_url: PublicUrl = None,
    insecure_http: InsecureHttp = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was made as a JSON object.")] = False,
) -> None:
    """Make the client that manages grants instead of an administrator, with exactly the roles it needs.

    It logs in by private_key_jwt; the key never leaves its file. With --federated it has no key, and logs in by the tokens of
    a pod or a CI job. The administrator's password comes from KEYCLOAK_ADMIN_PASS, or is asked for. If it is run again with
    other options, the client is deleted and created again with those roles and the same login.

    [bold]Examples[/bold]

    python -m exchange bootstrap --url https://keycloak.example.com --realm production

    python -m exchange bootstrap --url http://127.0.0.1:8080 --realm secure-test --legacy --guards --json

    python -m exchange bootstrap --url https://keycloak.example.com --realm production --federated cluster
    --subject system:serviceaccount:deploy:pulumi --issuer https://kubernetes.default.svc.cluster.local --kubernetes
    """
    with problems():
        types = tuple(name for name, on in ((KUBERNETES, kubernetes), (OIDC, oidc), (SPIFFE, spiffe)) if on)
        of_key = tuple(name for name, on in (("--key", key), ("--new-key", new_key)) if on)
        asked = Federated(federated or "", subject or "", issuer or "", types, keys or "", reuse, max_age, of_key)
        by_issuer = asked.login()
        config = login(admin_username, None, login_realm, ca_certificate, public_url, insecure_http) | {"url": url}
        if person() and not os.environ.get(ADMIN_PASSWORD):
            config["adminPassword"] = ask(f"Password of {named(admin_username)}")
        connection = read_connection(config.get)
        warn_of_connection(connection)
        if remove:
            gone = bootstrap.remove(connection, realm, client_id)
            is_deleted = gone is not None and gone.existed
            print_line(
                f"Client {named(client_id)} in realm {named(realm)}: {'deleted' if is_deleted else 'does not exist'}."
            )
            for line in gone.remains if gone else ():
                print_line(line)
            return
        wished = {robot.LEGACY: legacy, robot.GUARDS: guards, robot.REALM_ROLES: realm_roles}
        wished |= {robot.ROLE_POLICIES: role_policies, robot.USER_POLICIES: user_policies}
        wished |= {robot.DRY_RUNS: dry_runs, robot.AUDIT: audit, robot.EVENTS: events}
        roles = robot.roles_for([robot.STANDARD, *(purpose for purpose, on in wished.items() if on)])
        if only and any(wished.values()):
            raise InvalidSettings(
                ["--only: works for standard grants without conditions only; leave the other purposes out."]
            )
        more: dict[str, Any] = {"only": only or (), "accepted": accept_policy_changes or (), "tell": print_warning}
        if by_issuer:
            made = bootstrap.bootstrap_federated(connection, realm, client_id, roles, *by_issuer, **more)
        else:
            made = bootstrap.bootstrap(connection, realm, client_id, roles, key, new_key=new_key, **more)
        if made.key:
            warn_unless_ignored(made.key, "a private key")
    print_text(bootstrap.as_json(made) if as_json else "\n".join(bootstrap.as_lines(made)))
