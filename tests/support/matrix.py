"""``make test-matrix``: the tests that need a server, on each supported Keycloak; docs/compatibility.md says what came of them.

``python -m tests.support.matrix [VERSION …] [FILE …]`` runs those versions, or all, one after another; what others came to is
kept in ``.local/matrix/``. With test files, only these run, and their results take the place of the former ones there.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from local import maven
from local.layout import KEYCLOAK_VERSIONS, LOCAL, PROJECT

RESULTS = LOCAL / "matrix"
DOCUMENT = PROJECT / "docs" / "compatibility.md"
SUITES = (
    "tests/acceptance",
    *(
        f"tests/e2e/test_{what}.py"
        for what in (
            *("lifecycle", "changes", "prove", "drift", "destroy", "sharing", "requests"),
            *("identity", "replaced", "client_policies", "rotated", "forged_claims", "features_off", "restored"),
            "upgraded",
        )
    ),
)
"""What asks the server for things in which versions may differ. Left out are bad input, secrets, the policy pack and
states of former commits, which are not the server's, and faults and kills through the CLI, which acceptance tests have too."""
BEGIN, END = "<!-- runs -->", "<!-- end of runs -->"
EXCHANGES = ("standard", "legacy")
NEWEST = "org.keycloak:keycloak-core:LATEST:pom"
"""What tells the newest release: a small file. The distribution itself comes later to some repositories, or never."""
RAN_TO_THE_END = (0, 1)  # pytest's exit codes: all passed, some failed
COUNTED = {
    "tests": "testcase",
    "failures": "testcase/failure",
    "errors": "testcase/error",
    "skipped": "testcase/skipped",
}


@dataclass(frozen=True)
class Test:
    """One test of a run. ``came_to``: passed, skipped, or failed; ``why`` it was skipped."""

    module: str
    name: str
    came_to: str
    why: str = ""

    @property
    def exchanges(self) -> set[str]:
        """The exchanges that it is parametrised with."""
        return set(self.name.partition("[")[2].rstrip("]").split("-")) & {*EXCHANGES}


def run(version: str, jobs: str, files: Sequence[str] = ()) -> int:
    """Runs the suites on a version, or some test files of them again; pytest's exit code."""
    record = result_of(version)
    result = record.with_suffix(".again.xml") if files else record
    command = [sys.executable, "-m", "pytest", *(files or SUITES), "-n", jobs, "--dist", "loadfile"]
    RESULTS.mkdir(parents=True, exist_ok=True)
    code = subprocess.run(
        [*command, "--no-loadscope-reorder", f"--junitxml={result}"],
        env={**os.environ, "KEYCLOAK_VERSION": version, "TEST_LIVE": "1", "TEST_SPIFFE": "1"},
        cwd=PROJECT,
    ).returncode
    if files and code in RAN_TO_THE_END:
        replace(record, result)
    if files:
        result.unlink(missing_ok=True)
    return code


def replace(record: Path, again: Path) -> None:
    """Puts each module's results of another run into a record, in the place of its former ones."""
    tree = ElementTree.parse(record)  # noqa: S314 (our own run's file)
    suite = next(tree.iter("testsuite"))
    fresh: dict[str, list[ElementTree.Element]] = {}
    for case in ElementTree.parse(again).iter("testcase"):  # noqa: S314 (the same)
        fresh.setdefault(case.get("classname", ""), []).append(case)
    cases: list[ElementTree.Element] = []
    left = dict(fresh)
    for case in suite.findall("testcase"):
        module = case.get("classname", "")
        cases += left.pop(module, []) if module in fresh else [case]
    suite[:] = [*cases, *(case for new in left.values() for case in new)]
    for name, path in COUNTED.items():
        suite.set(name, str(len(suite.findall(path))))
    tree.write(record, encoding="utf-8", xml_declaration=True)


def result_of(version: str) -> Path:
    return RESULTS / f"{version}.xml"


def read(result: Path) -> list[Test]:
    """The tests of a run, from pytest's JUnit file."""
    return [_test(case) for case in ElementTree.parse(result).iter("testcase")]  # noqa: S314 (our own run's file)


def _test(case: ElementTree.Element) -> Test:
    skipped = case.find("skipped")
    failed = case.find("failure") is not None or case.find("error") is not None
    came_to = "failed" if failed else "passed" if skipped is None else "skipped"
    why = "" if skipped is None else str(skipped.get("message"))
    return Test(case.get("classname", ""), case.get("name", ""), came_to, why)


def table(runs: dict[str, list[Test]]) -> str:
    """Versions as columns; as rows the exchanges, then what each test module shows, then why tests were skipped."""
    modules = list(dict.fromkeys(test.module for tests in runs.values() for test in tests))
    lines = [_row("", runs), _row("---", ["---"] * len(runs))]
    for exchange in EXCHANGES:
        cells = [_answer([test for test in tests if exchange in test.exchanges]) for tests in runs.values()]
        lines.append(_row(f"{exchange} exchange", cells))
    for module in modules:
        cells = [_counted([test for test in tests if test.module == module]) for tests in runs.values()]
        lines.append(_row(title(module), cells))
    lines.append(_row("all", [_counted(tests) for tests in runs.values()]))
    reasons = sorted({test.why for tests in runs.values() for test in tests if test.why})
    return "\n".join([*lines, "", *(f"- skipped: {reason}" for reason in reasons)]).rstrip() + "\n"


def title(module: str) -> str:
    """What a test module shows: the first sentence of its docstring."""
    text = ast.get_docstring(ast.parse((PROJECT / (module.replace(".", "/") + ".py")).read_text()))
    first = " ".join((text or module).split("\n\n")[0].split())
    return first.split(". ")[0].split(": ")[0].split("; ")[0].rstrip(".:")


def _row(head: str, cells: Sequence[str] | dict[str, list[Test]]) -> str:
    return f"| {' | '.join([head, *cells])} |"


def _answer(tests: Sequence[Test]) -> str:
    if any(test.came_to == "failed" for test in tests):
        return "no: tests fail"
    return "yes" if any(test.came_to == "passed" for test in tests) else "no"


def _counted(tests: Sequence[Test]) -> str:
    """``12``: so many passed; what did not is told."""
    number = {what: sum(test.came_to == what for test in tests) for what in ("passed", "failed", "skipped")}
    told = [f"{number[what]} {what}" for what in ("failed", "skipped") if number[what]]
    return ", ".join([str(number["passed"]), *told]) if tests else "–"


def write(document: Path, runs: dict[str, list[Test]]) -> None:
    """Puts the table into the document, between its marks."""
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"{document} has lost its marks {BEGIN} and {END}"
    document.write_text(f"{before}{BEGIN}\n\n{table(runs)}\n{END}{after}")


def asked(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The versions and the test files of a command line.

    :raises SystemExit: a file is none of the suites', or runs again on a version that has no record yet.
    """
    files = [each for each in arguments if each.endswith(".py")]
    versions = [each for each in arguments if each not in files] or [*KEYCLOAK_VERSIONS]
    for file in files:
        if not (PROJECT / file).is_file() or not any(file == suite or file.startswith(f"{suite}/") for suite in SUITES):
            sys.exit(f"test file '{file}': is none of the matrix; take one of {', '.join(SUITES)}.")
    for version in versions if files else ():
        if not result_of(version).exists():
            sys.exit(f"Keycloak {version}: has no record to put results into; run `make test-matrix ARGS={version}`.")
    return versions, files


def newest() -> str | None:
    """Keycloak's newest release, by Maven; None where it cannot be asked."""
    if not shutil.which("mvn"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        asked = ["mvn", "--quiet", "--batch-mode", maven.COPY, f"-Dartifact={NEWEST}", f"-DoutputDirectory={folder}"]
        subprocess.run(asked, cwd=folder, capture_output=True, check=False)
        found = [re.fullmatch(r"keycloak-core-(.+)\.pom", each.name) for each in Path(folder).iterdir()]
    return next((each[1] for each in found if each), None)


def untried(version: str | None) -> str | None:
    """A sentence about a release that is in no run; None where it is in one."""
    if version in KEYCLOAK_VERSIONS:
        return None
    if version is None:
        return "Keycloak's newest release is not known: Maven could not be asked."
    return (
        f"Keycloak {version} is released, and nobody tried it: add it to KEYCLOAK_VERSIONS in local/layout.py, and run "
        f"`make test-matrix ARGS={version}`."
    )


def main(arguments: Sequence[str]) -> int:
    """Runs, writes the document, and gives an exit code: 0 when each test of each version passed or was skipped."""
    versions, files = asked(arguments)
    if told := untried(newest()):
        print(told, file=sys.stderr)
    codes = [run(version, os.environ.get("JOBS", "3"), files) for version in versions]
    missing = [version for version in KEYCLOAK_VERSIONS if not result_of(version).exists()]
    if missing:
        print(f"{DOCUMENT} is left as it is: {', '.join(missing)} never ran; run `make test-matrix`.", file=sys.stderr)
        return 1
    write(DOCUMENT, {version: read(result_of(version)) for version in KEYCLOAK_VERSIONS})
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
