"""A Keycloak of a test's own on which scripts are deployed."""

import json
import secrets
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from local import keycloak
from local.layout import keycloak_version
from tests.support.shared_servers import start_server

ADDRESSES = {"here": "127.0.0.1", "elsewhere": "10.0.0.1"}
JUDGE = (
    "if ($evaluation.getContext().getAttributes().getValue('kc.client.network.ip_address').asString(0) === '{}') "
    "$evaluation.grant();"
)
ADDS_API = "token.addAudience('api');"
PARAMETERIZED_SINCE = (26, 7)


@contextmanager
def scripted_server(folder: Path) -> Iterator[keycloak.Server]:
    """A legacy server with two policies, which grant by the caller's address, a mapper that adds ``api``, and client scopes that
    take a parameter."""
    built = keycloak.install(keycloak_version(), "legacy", lambda line: None)
    tree = shutil.copytree(built.home, folder / "tree", symlinks=True)
    with zipfile.ZipFile(tree / "providers" / "scripts.jar", "w") as jar:
        policies = [{"name": name, "fileName": f"{name}.js"} for name in ADDRESSES]
        mappers = [{"name": "adds-api", "fileName": "adds-api.js"}]
        jar.writestr("META-INF/keycloak-scripts.json", json.dumps({"policies": policies, "mappers": mappers}))
        for name, address in ADDRESSES.items():
            jar.writestr(f"{name}.js", JUDGE.replace("{}", address))
        jar.writestr("adds-api.js", ADDS_API)
    options = keycloak.feature_options(built.version, "legacy")
    subprocess.run(
        [*keycloak.command(tree, tree), "build", f"{options[0]},scripts,{parameterized()}-scopes", *options[1:]],
        env={**keycloak.clean_environment(), **keycloak.SETTINGS},
        check=True,
    )
    password = secrets.token_hex(12)
    server = start_server(replace(built, home=tree), data=folder / "data", admin_password=password)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(tree)


def parameterized() -> str:
    """Keycloak's word for such client scopes."""
    return "parameterized" if keycloak.number(keycloak_version()) >= PARAMETERIZED_SINCE else "dynamic"
