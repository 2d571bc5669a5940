"""``python -m exchange release``."""

import re
import shlex
from collections.abc import Sequence
from typing import Annotated

import typer

from exchange.release import release
from exchange.release.adoption import declared_parts
from exchange.release.removal import Released
from exchange.stack.place import Deployable, find_deployable
from exchange.terminal import options
from exchange.terminal.console import LOOKED, REFUSED, busy, person, problems, warn_of_connection
from exchange.terminal.printing import counted
from exchange.terminal.screen import print_line, print_text
from kcadmin.marks.ownership import hash16, stack_of
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.session import session_for
from kcadmin.rest.texts import named
from kcadmin.writes.executors import CHANGED

HASH = re.compile("[0-9a-f]{16}")
EPILOG = "See docs/release.md for what is removed, by which rules, and what stays."


def release_command(
    owner: Annotated[
        str | None,
        typer.Option(
            "--owner",
            metavar="OWNER",
            show_default="list all owners",
            help="The owner whose objects are meant; OWNER#GRANT for those of one grant.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Take over what the stack declares, in place, and remove the rest."),
    ] = False,
    accept_policy_changes: Annotated[
        str,
        typer.Option(
            "--accept-policy-changes",
            metavar="FIELDS",
            show_default="none",
            help="Fields that the realm's client policies may change when clients are written, separated by commas.",
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be removed; exit code 3 if there is something.")
    ] = False,
    as_json: options.AsJson = False,
    stack: options.Stack = None,
    url: options.Url = None,
    realms: Annotated[
        list[str] | None,
        typer.Option("--realm", metavar="NAME", show_default="the stack's", help="A realm; repeat for more."),
    ] = None,
    admin_username: options.AdminUsername = None,
    client_id: options.ClientId = None,
    login_realm: options.LoginRealm = None,
    ca_certificate: options.CaCertificate = None,
    public_url: options.PublicUrl = None,
    insecure_http: options.InsecureHttp = False,
) -> None:
    """Remove what a stack left in a realm and cannot destroy itself: in a copied realm, or after its state was lost.

    Shows what bears the owner's marks and claims, and which exchanges would end. After a yes it is removed as by the
    owner's own [bold]pulumi destroy[/bold]: adopted objects are restored, and what another owner claims stays.

    The command cannot know whether the owner's stack is still in use. Ask the people who run it. If it is, run destroy there.

    Exit codes: 0 all was removed that may be, 1 something could not be removed, or client policies would change clients,
    2 usage, 3 it was only shown, 4 no answer.

    [bold]Examples[/bold]

    python -m exchange release

    python -m exchange release --owner acme/exchange/prod

    python -m exchange release --owner acme/exchange/prod --url https://keycloak.example.com --realm staging --yes

    python -m exchange release --owner acme/exchange/prod --adopt
    """
    with problems():
        login = options.login(admin_username, client_id, login_realm, ca_certificate, public_url, insecure_http)
        place = find_deployable(stack, url, realms or (), login, needs_stack=adopt)
        accepted = [*filter(None, map(str.strip, accept_policy_changes.split(",")))]
        wrong = _wrong(owner, stack, place) or (_no_adoption(owner, place) if adopt else "") or _unknown(accepted)
        if wrong:
            raise InvalidSettings([wrong])
        warn_of_connection(place.connection)
        session = session_for(place.connection)
        with busy("reading") as tell:
            wanted = declared_parts(["--stack", stack] if stack else [], owner or "", place) if adopt else ()
            found = [
                release.find(
                    session,
                    each,
                    owner or "",
                    lambda what: tell(f"reading: {what}"),
                    own=place.owners,
                    by=place.owner,
                    wanted=wanted,
                    accepted=accepted,
                )
                for each in place.realms
            ]
        for note in (note for each in found for note in each.unread):
            print_line(f"warning: {note}.", err=True)
        for note in (note for each in found for note in each.told):
            print_line(note if note.startswith("note") else f"warning: {note}", err=True)
        for fault in (refused := [text for each in found for text in each.refused]):
            print_line(f"error: {fault}", err=True)
        if not as_json:
            for line in (line for each in found for line in release.as_lines(each, {*map(stack_of, place.owners)})):
                print_line(line)
        left = sum(len(each.left) for each in found)
        done = None
        if left and not dry_run and not refused and _is_allowed(yes, owner or "", found):
            done = []
            with busy("releasing") as tell:
                for each in found:
                    how = (lambda what: tell(f"releasing: {what}"), place.owners, accepted)
                    done += release.take_away(session, each, *how)
        if as_json:
            print_text(release.as_json(found, done))
    if done is None:
        if left and not as_json:
            does = "takes over what the stack declares, and removes the rest" if adopt else "removes it"
            print_line(f"Nothing was changed{'' if refused else f'; --yes {does}'}.", err=True)
        raise typer.Exit(REFUSED if refused and not dry_run else LOOKED if left else 0)
    raise typer.Exit(REFUSED if _told(done, as_json) else 0)


def _wrong(owner: str | None, stack: str | None, place: Deployable) -> str:
    if owner is None:
        return ""
    if not owner.strip():
        return "--owner: is empty; give an owner, or leave it out to list all owners."
    if stack_of(owner) not in {*map(stack_of, place.owners)} and owner not in {*map(hash16, place.owners)}:
        return ""
    chosen = f" --stack {shlex.quote(stack)}" if stack else ""
    return f"--owner: {named(owner)} is the owner of this stack itself; run `pulumi destroy{chosen}`."


def _unknown(accepted: Sequence[str]) -> str:
    if unknown := [each for each in accepted if each not in CHANGED]:
        known = ", ".join(sorted(CHANGED))
        return f"--accept-policy-changes: {named(unknown[0])} is not a field that client policies change; choose from {known}."
    return ""


def _no_adoption(owner: str | None, place: Deployable) -> str:
    """Why nothing can be adopted."""
    if not owner or "#" in owner:
        return "--adopt: takes over all that an owner has; give --owner OWNER, without a grant."
    if not place.owner:
        return (
            "--adopt: this stack has no owner, since its config sets none and its backend has no organization; "
            "run `pulumi config set owner NAME`."
        )
    if HASH.fullmatch(owner):
        return f"--adopt: {named(owner)} is the hash of an owner, which does not show the grants' owner; give the owner itself."
    return ""


def _is_allowed(yes: bool, owner: str, found: Sequence[release.Leavings]) -> bool:
    """Asks whether to go on; without a terminal it is only shown."""
    if yes:
        return True
    if not person():
        return False
    over = sum(len(each.adopted) for each in found)
    away = sum(len(each.left) for each in found) - over
    asked = [f"make {counted(over, 'thing')} of that owner this stack's own"] if over else []
    asked += [f"remove {counted(away, 'thing')} of that owner, and end these exchanges"] if away else []
    print_line(f"This command cannot know whether a stack of owner {named(owner)} is still in use.", err=True)
    question = ", ".join(asked)
    return typer.confirm(f"{question[:1].upper()}{question[1:]}?", abort=True, err=True)


def _told(done: Sequence[Released], as_json: bool) -> int:
    """Reports what stays and what failed. Returns how many failed."""
    faults = [each for each in done if each.fault]
    for each in done:
        if each.stays:
            print_line(f"note: {each.left.about}: {each.stays}.", err=True)
    for each in faults:
        print_line(f"error: {each.left.about}: {each.fault}", err=True)
    if not as_json:
        over = f"; {counted(len(faults), 'thing')} could not be removed" if faults else ""
        print_line(f"Released {counted(len(done) - len(faults), 'thing')}{over}.")
    return len(faults)
