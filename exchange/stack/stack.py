"""A stack as its state and its config describe it, read through the ``pulumi`` command.

https://www.pulumi.com/docs/iac/cli/commands/pulumi_stack_export/
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kcadmin.marks.packed import each_of, explicit_name
from kcadmin.marks.proposals import usual_owner
from kcadmin.rest.config_secrets import plain_secrets
from kcadmin.rest.connection import Connection, read_connection
from kcadmin.rest.errors import InvalidSettings, KeycloakError
from kcadmin.rest.texts import meant, named
from policy.stack import GRANT, PACKAGE_PROVIDER
from reach.proof import REQUESTER, THIRD, Case

NAMESPACE = "keycloak-token-exchange"
SERVER = "keycloak"  # of a grant: the address, where it is not the stack's
STACK = "pulumi:pulumi:Stack"
NO_WIDER_SCOPES = "noWiderScopes"
PULUMI_SECONDS = 120
Pulumi = Callable[[Sequence[str]], str]


class StackProblem(KeycloakError):
    """The stack cannot be read, or has no such grant."""


@dataclass(frozen=True)
class StackOutputs:
    """A stack's outputs and config. grants: the outputs of their components, by name; config: key to value, secrets in clear.

    elsewhere: the server's address of each grant that is in another Keycloak than the stack's.
    """

    grants: Mapping[str, Mapping[str, Any]]
    url: str
    realm: str
    config: Mapping[str, str] = field(repr=False)
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    def connection(self, url: str | None = None, environ: Mapping[str, str] = os.environ) -> Connection:
        """How to reach its server: by ``url``, else by the last deployment, else by its config.

        :raises InvalidSettings:
        """
        config = {**self.config, "url": url or self.url or self.config.get("url", "")}
        return read_connection(config.get, environ)

    @property
    def guards(self) -> tuple[str, ...]:
        """What the guards of its realms hold, by its config: ``requesters``, ``sources``, ``noWiderScopes``."""
        try:
            found = json.loads(self.config.get("guards") or "[]")
        except ValueError:
            found = []
        return tuple(str(each) for each in found) if isinstance(found, list) else ()

    @property
    def reasons(self) -> dict[str, str]:
        """Why grants exist, in people's words, by the grants' names; without those that give no reason."""
        return {name: str(grant["reason"]) for name, grant in self.grants.items() if grant.get("reason")}

    def cases(self, names: Iterable[str] = (), realm: str | None = None) -> list[Case]:
        """The cases of the named grants, or of all. realm: only those in it. :raises StackProblem: no such grant."""
        wanted = list(dict.fromkeys(names)) or list(self.grants)
        for name in wanted:
            if name in self.elsewhere:
                raise StackProblem(
                    f"grant {named(name)}: is in another Keycloak, {named(self.elsewhere[name])}, and commands work on the "
                    "stack's; set prove=True, or give --url and --realm of that Keycloak."
                )
            if name not in self.grants:
                raise StackProblem(f"grant {named(name)}: is not in this stack; {_hint(name, self.grants)}")
        if realm and all(grant.get("realm") != realm for grant in self.grants.values()):
            known = {str(grant.get("realm")) for grant in self.grants.values()}
            raise StackProblem(f"realm {named(realm)}: no grant of this stack is in it; {_hint(realm, known)}")
        narrow = NO_WIDER_SCOPES in self.guards
        return [
            replace(case, narrow=narrow)
            for name in wanted
            if realm in (None, self.grants[name].get("realm"))
            for case in cases_of(name, self.grants[name])
        ]


def read_stack(name: str | None = None, pulumi: Pulumi | None = None) -> StackOutputs:
    """Reads a stack; without a name the selected one. :raises StackProblem: saying what to do."""
    run = pulumi or run_pulumi
    chosen = ["--stack", name] if name else []
    resources = resources_in(as_object(run(["stack", "export", *chosen])))
    made = [each for each in each_of(resources) if each.get("type") == GRANT and not each.get("delete")]
    # a grant whose `pulumi up` failed has no outputs
    addresses = _addresses(resources)
    grants = {
        each["urn"].split("::", 3)[3]: {**addresses.get(each["urn"], {}), **each["outputs"]}
        for each in made
        if each.get("outputs")
    }
    if not resources or (made and not grants):
        wrong = "its grants are not complete" if made else "is not deployed yet"
        raise StackProblem(f"stack{f' {named(name)}' if name else ''}: {wrong}; run `pulumi up` first.")
    exported = next((each.get("outputs") or {} for each in resources if each.get("type") == STACK), {})
    server = exported.get("keycloak")
    server = server if isinstance(server, dict) else {}
    config = stack_config(run, chosen)
    others = {name: str(grant[SERVER]) for name, grant in grants.items() if isinstance(grant, dict) and SERVER in grant}
    here = {name: grant for name, grant in grants.items() if name not in others}
    return StackOutputs(
        here, str(server.get("url") or ""), str(server.get("realm") or config.get("realm") or ""), config, others
    )


def explicit_provider(resource: Mapping[str, Any]) -> str:
    """The provider of a resource, where the program makes it; empty for the stack's own, which Pulumi calls its default."""
    reference = str(resource.get("provider") or "")
    return reference if explicit_name(reference) else ""


def _addresses(resources: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """By the URN of a component whose children have a provider of their own: the address of its Keycloak."""
    listed = list(resources)
    providers = {f"{each['urn']}::{each['id']}": each for each in listed if each.get("type") == PACKAGE_PROVIDER}
    found = {
        str(each.get("parent")): providers.get(explicit_provider(each)) for each in listed if explicit_provider(each)
    }
    return {at: {SERVER: str((each.get("inputs") or {}).get("url") or "")} for at, each in found.items() if each}


def resources_in(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All resources of an exported state, the stack's own and Pulumi's providers too."""
    return list((document.get("deployment") or {}).get("resources") or ())


def stack_config(run: Pulumi, chosen: Sequence[str]) -> dict[str, str]:
    """A stack's config: key to value, secrets in clear. chosen: ``--stack NAME``, or nothing for the selected one.

    :raises InvalidSettings: it holds a secret in plain text.
    """
    settings = as_object(run(["config", "--json", "--show-secrets", *chosen]))
    ours = {
        key.removeprefix(f"{NAMESPACE}:"): entry for key, entry in settings.items() if key.startswith(f"{NAMESPACE}:")
    }
    config = {key: str(entry.get("value", "")) for key, entry in ours.items()}
    if faults := plain_secrets(config.get, lambda key: ours[key].get("secret") is not False):
        raise InvalidSettings(faults)
    return config


def owner_by_name(run: Pulumi, chosen: Sequence[str]) -> str:
    """The owner of a stack whose config names none: its whole name, where its backend has organizations; else empty."""
    return usual_owner(run(["stack", "--show-name", "--fully-qualify-stack-names", *chosen]).strip())


def cases_of(name: str, grant: Mapping[str, Any]) -> list[Case]:
    """A grant's cases: one for each flow and source. :raises StackProblem: the output has another shape."""
    try:
        return [_case(name, grant, flow, str(source)) for flow in grant["flows"] for source in _sources(grant, flow)]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise StackProblem(
            f"grant {named(name)}: its output has a shape that this version does not know; "
            "run `pulumi up` with this version."
        ) from None


def run_pulumi(arguments: Sequence[str], env: Mapping[str, str] = {}, seconds: float | None = PULUMI_SECONDS) -> str:
    """The output of a ``pulumi`` command in the current folder. env: more variables of it. seconds: None waits for it.

    :raises StackProblem: in pulumi's own words.
    """
    try:
        with start_pulumi(arguments, env) as child:
            try:
                output, words = child.communicate(timeout=seconds)
            except BaseException:
                child.kill()
                raise
    except subprocess.TimeoutExpired:
        raise StackProblem(
            f"`pulumi {arguments[0]}`: gave no answer within {seconds} s; check that its state backend is reachable."
        ) from None
    if child.returncode == 0:
        return output
    raise StackProblem(*_errors_in(output) or [_explained(arguments, words or output)])


def start_pulumi(arguments: Sequence[str], env: Mapping[str, str] = {}) -> "subprocess.Popen[str]":
    """A ``pulumi`` command in the current folder, started. :raises StackProblem: there is no such command."""
    try:
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env, "PULUMI_SKIP_UPDATE_CHECK": "true", "NO_COLOR": "1"},
        )
    except FileNotFoundError:
        raise StackProblem(
            'pulumi: is not on PATH; install it (https://www.pulumi.com/docs/install/), or run `eval "$(make -s env)"`.'
        ) from None


def _errors_in(output: str) -> list[str]:
    """The errors of a run that prints JSON, such as a preview."""
    try:
        told = json.loads(output).get("diagnostics") or ()
        return [str(each["message"]).strip() for each in told if each.get("severity") == "error"]
    except (ValueError, AttributeError, KeyError, TypeError):
        return []


def _explained(arguments: Sequence[str], words: str) -> str:
    if "no stack selected" in words:
        return "stack: none is selected; run `pulumi stack select`, or give --stack NAME."
    if "no Pulumi.yaml" in words or "no project file" in words:
        return "project: there is no Pulumi.yaml here; run this in the project's folder."
    if "no stack named" in words and "--stack" in arguments:
        name = arguments[list(arguments).index("--stack") + 1]
        return f"stack {named(name)}: does not exist; see `pulumi stack ls`."
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]  # warnings may come before
    said = next(iter(errors or lines), "no message").removeprefix("error: ")
    return f"`pulumi {' '.join(arguments[:2])}`: {said}"


def _sources(grant: Mapping[str, Any], flow: Mapping[str, Any]) -> list[Any]:
    if flow.get("source"):
        return [flow["source"]]
    if flow["flow"] == REQUESTER and flow["requester"] in grant["sources"]:
        return [flow["requester"]]
    return list(grant["sources"])


def _case(name: str, grant: Mapping[str, Any], flow: Mapping[str, Any], source: str) -> Case:
    requester = str(flow["requester"])
    third = flow["flow"] == REQUESTER and requester != source
    scope = flow.get("requestScope") or {}
    return Case(
        name,
        str(grant["realm"]),
        str(grant["exchange"]),
        THIRD if third else str(flow["flow"]),
        source,
        requester,
        str(grant["target"]),
        audience=flow["audience"],
        login_scope=scope["name"] if scope and scope["at"] == "login" else None,
        exchange_scope=scope["name"] if scope and scope["at"] == "exchange" else None,
        exact=bool(grant.get("exactAudience")),
        roles=tuple(str(role) for role in grant.get("requiredRoles") or ()),
        lifespan=int(grant["tokenLifespan"]) if grant.get("tokenLifespan") else None,
    )


def _hint(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    return meant(name, names) or (f"there are: {', '.join(names)}." if names else "it has none.")


def as_object(text: str) -> dict[str, Any]:
    """A JSON object that pulumi printed. :raises StackProblem: it is something else."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise StackProblem("pulumi: its answer is not a JSON object; check `pulumi version`.")
    return found
