"""Which room may lean on which: read from the source, so that a local import is seen too."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = (
    "components",
    "package",
    "grants",
    "providers",
    "reach",
    "kcadmin",
    "exchange",
    "policy",
    "local",
    "bench",
    "examples",
    "tests",
)
# Of our own rooms, what each may import. What starts servers for people or measurements may start them through `local`.
MAY = {
    "__main__": {"components"},
    "components": {"components", "grants", "providers", "reach", "kcadmin"},
    "package": {"package", "components", "grants", "providers", "kcadmin"},
    "grants": {"grants", "reach", "kcadmin"},
    "providers": {"providers", "grants", "reach", "kcadmin"},  # of grants only what checks and lists them
    "reach": {"reach", "kcadmin"},
    "kcadmin": {"kcadmin"},
    "exchange": {
        "exchange",
        "grants",
        "reach",
        "kcadmin",
        "policy",
    },  # of policy the rules alone, which know nothing of Pulumi
    "policy": {"policy", "kcadmin"},  # of kcadmin how texts are shown, and nothing else
    "local": {"local"},
}
# Of the folders of a room, what each may import beside itself.
_MARKS, _WRITES = {"kcadmin.rest"}, {"kcadmin.rest", "kcadmin.marks"}
_OBJECTS = _WRITES | {"kcadmin.writes"}
FOLDERS = {
    "kcadmin.rest": set(),
    "kcadmin.marks": _MARKS,
    "kcadmin.writes": _WRITES,
    "kcadmin.objects": _OBJECTS,
    "kcadmin.authz": _OBJECTS | {"kcadmin.objects"},
    "kcadmin.guards": _OBJECTS | {"kcadmin.objects"},
    "providers.base": set(),
    "providers.checks": {"providers.base"}
    | {
        f"providers.{name}"
        for name in ("full_scope_off", "refresh_tokens_off", "standard_token_exchange", "token_lifespan")
    },
    "providers.bulk": {"providers.base"},
    "exchange.terminal": set(),
    "exchange.stack": {"exchange.terminal"},
    **{
        f"exchange.{command.parent.name}": {"exchange.stack", "exchange.terminal"}
        for command in sorted((PROJECT / "exchange").glob("*/command.py"))
    },
}
# What opens a connection, by the longest prefix of the module's name.
NETWORK = (
    "aiohttp",
    "ftplib",
    "http.client",
    "httpx",
    "jwt",
    "requests",
    "smtplib",
    "socket",
    "socketserver",
    "ssl",
    "urllib.request",
    "urllib3",
    "websocket",
    "keycloak",
)
MAIN_LINES, PROVIDER_LINES, MODULE_LINES = 40, 120, 300


def sources(room: str) -> list[Path]:
    return [PROJECT / "__main__.py"] if room == "__main__" else sorted((PROJECT / room).rglob("*.py"))


@functools.cache
def imported(source: Path) -> list[str]:
    """Every module that a file imports anywhere, by its full name."""
    return list(_imported(source))


def _imported(source: Path) -> Iterator[str]:
    package = source.relative_to(PROJECT).parts[:-1]
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                [*package[: len(package) - node.level + 1], *([node.module] if node.module else [])]
                if node.level
                else [str(node.module)]
            )
            yield ".".join(base)
            yield from (".".join([*base, alias.name]) for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            yield from (str(each.value) for each in node.args[:1] if isinstance(each, ast.Constant))


def is_below(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(f"{prefix}.")


@pytest.mark.parametrize("room", MAY)
def test_nothing_points_back(room: str) -> None:
    forbidden = set(ROOMS) - MAY[room]
    found = [
        f"{source.relative_to(PROJECT)} imports {module}"
        for source in sources(room)
        for module in imported(source)
        if module.split(".")[0] in forbidden | {"__main__"}
    ]
    assert found == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_nor_within_a_room(folder: str) -> None:
    room = folder.partition(".")[0]
    allowed = {folder, *FOLDERS[folder]}
    found = [
        f"{source.relative_to(PROJECT)} imports {module}"
        for source in sources(folder.replace(".", "/"))
        for module in imported(source)
        if is_below(module, room) and module != room and not any(is_below(module, each) for each in allowed)
    ]
    assert found == []


def test_every_folder_has_its_arrows() -> None:
    found = {
        ".".join(file.relative_to(PROJECT).parts[:-1])
        for room in ("kcadmin", "exchange", "providers")
        for file in (PROJECT / room).rglob("*/__init__.py")
    }
    assert found - {"kcadmin", "exchange", "providers"} == set(FOLDERS)


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in ("local", "tests", "bench")])
def test_nothing_in_production_needs_the_embedded_environment(room: str) -> None:
    assert [str(source) for source in sources(room) for module in imported(source) if is_below(module, "local")] == []


def test_these_rooms_know_nothing_of_pulumi() -> None:
    found = [
        f"{source.name} imports {module}"
        for room in ("kcadmin", "reach", "grants", "exchange")
        for source in sources(room)
        for module in imported(source)
        if re.match(r"pulumi\b|pulumi_", module)
    ]
    assert found == []


def test_exchange_takes_of_the_policy_pack_only_what_knows_nothing_of_pulumi() -> None:
    allowed = ("policy.rule", "policy.rules", "policy.stack")
    found = [
        f"{source.name} imports {module}"
        for source in sources("exchange")
        for module in imported(source)
        if is_below(module, "policy") and not any(is_below(module, each) for each in allowed)
    ]
    needed = {*(PROJECT / "policy" / "rules").glob("*.py")}
    needed |= {PROJECT / "policy" / f"{name}.py" for name in ("__init__", "rule", "stack")}
    found += [
        f"{source.name} imports {module}"
        for source in needed
        for module in imported(source)
        if re.match(r"pulumi\b|pulumi_", module)
    ]
    assert found == []


def test_only_what_checks_grants_knows_them_among_the_providers() -> None:
    found = {
        source.relative_to(PROJECT).as_posix()
        for source in sources("providers")
        for module in imported(source)
        if is_below(module, "grants")
    }
    assert {each for each in found if not each.startswith("providers/checks/")} <= {
        "providers/grant_check.py",
        "providers/base/expected_clients.py",
    }


# What holds many parts hands them over as they are: see providers/bulk.
PROVIDERS = sorted({*(PROJECT / "providers").glob("*.py")} - {PROJECT / "providers" / "realm_grants.py"})


@pytest.mark.parametrize("source", PROVIDERS, ids=lambda each: each.stem)
def test_a_provider_reads_its_fields_from_a_dataclass(source: Path) -> None:
    """What Pulumi hands over is parsed once, in ``providers/base``: a misnamed field is an error of its type check."""
    found = [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source.read_text()))
        if (isinstance(node, ast.Subscript) and _is_text(node.slice))
        or (isinstance(node, ast.Call) and _is_method(node.func) and any(map(_is_text, node.args)))
        or (isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).split(".")[-1] == "Any")
    ]
    assert found == []


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_method(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("get", "pop", "setdefault", "__getitem__")


@pytest.mark.parametrize("source", sorted((PROJECT / "providers").glob("*.py")), ids=lambda each: each.stem)
def test_a_provider_is_short(source: Path) -> None:
    assert len(source.read_text().splitlines()) <= PROVIDER_LINES


def test_the_policy_pack_takes_of_kcadmin_only_how_texts_are_shown_and_states_are_packed() -> None:
    found = [
        f"{source.name} imports {module}"
        for source in sources("policy")
        for module in imported(source)
        if is_below(module, "kcadmin")
        and not any(is_below(module, each) for each in ("kcadmin.rest.texts", "kcadmin.marks.packed"))
    ]
    assert found == []
    for file in ("rest/texts.py", "marks/packed.py"):
        taken = [each for each in imported(PROJECT / "kcadmin" / file) if not is_below(each, "kcadmin.rest.texts")]
        assert not any(is_below(module, room) for module in taken for room in ROOMS)


@pytest.mark.parametrize(
    "room", ["__main__", "components", "package", "grants", "providers", "reach", "exchange", "policy"]
)
def test_only_kcadmin_and_local_open_connections(room: str) -> None:
    found = [
        f"{source.relative_to(PROJECT)} imports {module}"
        for source in sources(room)
        for module in imported(source)
        if any(is_below(module, library) for library in NETWORK)
    ]
    assert found == []


@pytest.mark.parametrize("room", ["__main__", "components", "package", "grants", "providers", "reach", "kcadmin"])
def test_what_goes_to_pulumi_goes_through_one_module(room: str) -> None:
    """It makes foreign text harmless. What writes past it would reach people's terminals and logs as it is."""
    ways = ("log", "RunError", "CheckFailure", "InputPropertyError", "InputPropertiesError")
    found = [
        f"{source.relative_to(PROJECT)}:{node.lineno} {ast.unparse(node)}"
        for source in sources(room)
        if source.name != "messages.py"
        for node in ast.walk(ast.parse(source.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in ways and ast.unparse(node).startswith("pulumi."))
        or (isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & set(ways))
        or (isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "warnings.warn", "sys.stderr.write"))
    ]
    silenced, caught = "pulumi.log", "pulumi.RunError"
    assert [each for each in found if not each.endswith((silenced, caught))] == []
    assert {each.partition(":")[0] for each in found if each.endswith(silenced)} <= {"components/registration.py"}
    assert {each.partition(":")[0] for each in found if each.endswith(caught)} <= {
        "components/program.py",
        "package/failures.py",
    }


def test_what_commands_print_goes_through_one_module() -> None:
    """It makes foreign text harmless, too."""
    found = {
        f"{source.relative_to(PROJECT)} {ast.unparse(node.func)}"
        for source in sources("exchange")
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func)
        in ("print", "typer.echo", "typer.secho", "sys.stdout.write", "sys.stderr.write", "Console")
    }
    assert found == {
        "exchange/terminal/screen.py typer.echo",
        "exchange/cli.py typer.echo",
    }  # a command's help is our own text


def test_the_program_is_short_and_only_names_what_is_done() -> None:
    text = (PROJECT / "__main__.py").read_text()
    assert len(text.splitlines()) <= MAIN_LINES
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.If, ast.For, ast.While, ast.Try)
    written = [type(node).__name__ for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    assert written == ["AsyncFunctionDef"]  # what pulumi.run awaits


# What each command, or each object, has under the same name.
IN_EACH = {"as_json", "as_lines", "as_object", "as_table", "summary"}


def test_a_public_name_is_defined_once() -> None:
    """Functions and classes. A resource has the name of its object in Keycloak, so ``kcadmin`` may have it, too."""
    rooms = ("components", "exchange", "grants", "kcadmin", "providers", "reach")
    files = dict[str, set[str]]()
    for source in (source for room in rooms for source in sources(room)):
        for node in ast.parse(source.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith(
                "_"
            ):
                files.setdefault(node.name, set()).add(source.relative_to(PROJECT).as_posix())
    resources = {name for source in PROVIDERS for name in _classes(source)}
    twice = {name: sorted(found) for name, found in files.items() if len(found) > 1 and name not in IN_EACH}
    assert {
        name: found
        for name, found in twice.items()
        if name not in resources or [each.partition("/")[0] for each in found] != ["kcadmin", "providers"]
    } == {}


def _classes(source: Path) -> set[str]:
    return {node.name for node in ast.parse(source.read_text()).body if isinstance(node, ast.ClassDef)}


READERS_OF_MAPPERS = {
    "reach/audiences.py",  # answers whose tokens name whom
    "reach/held_mappers.py",  # whose mappers they are
    "reach/written_audiences.py",  # and what each type of mapper writes
    "reach/readable_claims.py",  # and whether Keycloak can read it
    "reach/heeded.py",  # and whether the server has that type
    "kcadmin/objects/clients.py",  # takes them from the server
    "kcadmin/objects/marked_mappers.py",  # keeps mappers of one type
    "kcadmin/objects/audience_scopes.py",  # keeps client scopes with one
    "kcadmin/rest/shapes.py",  # refuses answers in which they are something else
    "kcadmin/objects/side_effects.py",  # mappers that Keycloak adds to a client that gets a service account
}


def test_one_module_tells_whose_tokens_name_whom() -> None:
    found = {
        str(source.relative_to(PROJECT))
        for room in ("kcadmin", "reach", "grants", "components", "providers", "exchange", "policy")
        for source in sources(room)
        for node in ast.walk(ast.parse(source.read_text()))
        if (isinstance(node, ast.Constant) and node.value in ("protocolMapper", "protocolMappers"))
        or (isinstance(node, ast.Constant) and str(node.value).startswith("oidc-"))
        or (isinstance(node, ast.Name) and node.id == "AUDIENCE_MAPPER")
    }
    words = {"exchange/doctor/audience.py", "reach/failing.py"}  # name the place of a mapper to people
    stores = {  # each names the type of its own
        str(source.relative_to(PROJECT))
        for source in sources("kcadmin/objects")
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.ClassDef) and any("MarkedMappers[" in ast.unparse(base) for base in node.bases)
    }
    assert found - words - stores == READERS_OF_MAPPERS


def test_no_name_that_belongs_to_others_or_to_nobody() -> None:
    assert [
        name for name in ("keycloak", "utils.py", "utils", "common", "common.py") if (PROJECT / name).exists()
    ] == []


CORE = ("components", "package", "grants", "providers", "reach", "kcadmin", "exchange")


def test_one_word_means_one_thing() -> None:
    """No public class has the name of another one. Pulumi's resources have the names of Keycloak's objects."""
    found: dict[str, list[str]] = {}
    for source in (each for room in CORE for each in sources(room)):
        for node in ast.parse(source.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not node.keywords:
                found.setdefault(node.name, []).append(source.relative_to(PROJECT).as_posix())
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("import providers.base.provider as base", "providers.base.provider"),
        ("from providers.base import provider", "providers.base.provider"),
        ("def f():\n    from providers.base.provider import Props", "providers.base.provider"),
        ("from . import cli", "exchange.cli"),
        ("from .cli import main", "exchange.cli"),
        ("importlib.import_module('providers')", "providers"),
    ],
)
def test_an_import_of_any_form_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, module: str) -> None:
    monkeypatch.setattr(f"{__name__}.PROJECT", tmp_path)
    source = tmp_path / "exchange" / "some.py"
    source.parent.mkdir()
    source.write_text(text)
    assert module in list(imported(source))


def test_no_module_is_long() -> None:
    long = {
        source.relative_to(PROJECT).as_posix(): lines
        for room in MAY
        for source in sources(room)
        if (lines := len(source.read_text().splitlines())) > MODULE_LINES
    }
    assert long == {}
