"""The table of docs/compatibility.md, from pytest's JUnit files."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.support import matrix
from tests.support.matrix import BEGIN, DOCUMENT, END, asked, read, replace, table, title, write

NO_STANDARD = "Keycloak 24.0.5 has not the standard exchange, which came with 26.2"
OLD = f"""<testsuites><testsuite>
<testcase classname="tests.acceptance.test_objects" name="test_a[AudienceMapper-0]"/>
<testcase classname="tests.acceptance.test_objects" name="test_b[x]"><failure message="no"/></testcase>
<testcase classname="tests.e2e.test_lifecycle" name="test_c[standard]"><skipped message="{NO_STANDARD}"/></testcase>
<testcase classname="tests.e2e.test_lifecycle" name="test_c[first-legacy]"/>
</testsuite></testsuites>"""
NEW = """<testsuites><testsuite>
<testcase classname="tests.acceptance.test_objects" name="test_a[AudienceMapper-0]"/>
<testcase classname="tests.e2e.test_lifecycle" name="test_c[standard]"/>
<testcase classname="tests.e2e.test_lifecycle" name="test_c[first-legacy]"><error message="setup"/></testcase>
</testsuite></testsuites>"""
OBJECTS, LIFECYCLE = title("tests.acceptance.test_objects"), title("tests.e2e.test_lifecycle")


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Path]:
    files = {"24.0.5": (tmp_path / "old.xml", OLD), "26.7.3": (tmp_path / "new.xml", NEW)}
    for path, text in files.values():
        path.write_text(text)
    return {version: path for version, (path, _) in files.items()}


def test_the_table(results: dict[str, Path]) -> None:
    assert table({version: read(path) for version, path in results.items()}).splitlines() == [
        "|  | 24.0.5 | 26.7.3 |",
        "| --- | --- | --- |",
        "| standard exchange | no | yes |",
        "| legacy exchange | yes | no: tests fail |",
        f"| {OBJECTS} | 1, 1 failed | 1 |",
        f"| {LIFECYCLE} | 1, 1 skipped | 1, 1 failed |",
        "| all | 2, 1 failed, 1 skipped | 2, 1 failed |",
        "",
        f"- skipped: {NO_STANDARD}",
    ]


def test_a_release_that_nobody_tried_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what Maven has, here one of our own."""
    mvn = tmp_path / "mvn"
    mvn.write_text(
        '#!/bin/sh\nfor each; do case $each in -DoutputDirectory=*) touch "${each#*=}/keycloak-core-99.1.0.pom";; esac; done\n'
    )
    mvn.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert matrix.newest() == "99.1.0"
    assert str(matrix.untried("99.1.0")).startswith("Keycloak 99.1.0 is released, and nobody tried it: add it to")
    assert matrix.untried(matrix.KEYCLOAK_VERSIONS[-1]) is None
    mvn.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert matrix.newest() is None and "not known" in str(matrix.untried(None))


def test_only_what_is_between_the_marks_is_written(results: dict[str, Path], tmp_path: Path) -> None:
    document = tmp_path / "doc.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        write(document, {"24.0.5": read(results["24.0.5"])})
        text = document.read_text()
        assert text.startswith(f"before\n{BEGIN}\n\n|  | 24.0.5 |\n") and text.endswith(f"\n\n{END}\nafter\n")
        assert "\nold\n" not in text
    assert BEGIN in DOCUMENT.read_text() and END in DOCUMENT.read_text()


def test_a_title_is_the_start_of_the_docstring() -> None:
    assert OBJECTS == "Each object on a real Keycloak" and LIFECYCLE.startswith("A grant's life")


AGAIN = """<testsuites><testsuite>
<testcase classname="tests.acceptance.test_objects" name="test_b[x]"/>
<testcase classname="tests.acceptance.test_objects" name="test_d"><skipped message="no"/></testcase>
<testcase classname="tests.acceptance.test_names" name="test_e"><failure message="no"/></testcase>
</testsuite></testsuites>"""


def test_another_run_of_a_module_takes_the_place_of_the_former(results: dict[str, Path], tmp_path: Path) -> None:
    record, again = results["24.0.5"], tmp_path / "again.xml"
    again.write_text(AGAIN)
    for _ in range(2):
        replace(record, again)
        assert [(test.module.rpartition("_")[2], test.name, test.came_to) for test in read(record)] == [
            ("objects", "test_b[x]", "passed"),
            ("objects", "test_d", "skipped"),
            ("lifecycle", "test_c[standard]", "skipped"),
            ("lifecycle", "test_c[first-legacy]", "passed"),
            ("names", "test_e", "failed"),
        ]
    suite = next(ElementTree.parse(record).iter("testsuite"))  # noqa: S314 (made here)
    assert suite.attrib == {"tests": "5", "failures": "1", "errors": "0", "skipped": "2"}


@pytest.mark.parametrize(("code", "kept"), [(0, False), (1, False), (2, True), (4, True)])
def test_files_run_again_on_a_version(
    results: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, kept: bool
) -> None:
    ran: list[tuple[list[str], str]] = []

    def pytest_runs(command: list[str], **options: Any) -> SimpleNamespace:
        ran.append((command, options["env"]["KEYCLOAK_VERSION"]))
        Path(command[-1].removeprefix("--junitxml=")).write_text(AGAIN)
        return SimpleNamespace(returncode=code)

    monkeypatch.setattr(matrix, "RESULTS", tmp_path)
    monkeypatch.setattr(matrix.subprocess, "run", pytest_runs)
    results["24.0.5"].rename(tmp_path / "24.0.5.xml")
    assert matrix.run("24.0.5", "1", ["tests/acceptance/test_objects.py"]) == code
    ((command, version),) = ran
    assert version == "24.0.5" and command[3:6] == ["tests/acceptance/test_objects.py", "-n", "1"]
    assert (len(read(tmp_path / "24.0.5.xml")) == 4) == kept
    assert not [each for each in tmp_path.iterdir() if "again" in each.name]


def test_versions_and_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(matrix, "RESULTS", tmp_path)
    names, file = [*matrix.KEYCLOAK_VERSIONS], "tests/acceptance/test_objects.py"
    assert asked([]) == (names, []) and asked(["26.0.8"]) == (["26.0.8"], [])
    with pytest.raises(SystemExit, match=r"Keycloak 26\.0\.8: has no record"):
        asked(["26.0.8", file])
    (tmp_path / "26.0.8.xml").touch()
    assert asked(["26.0.8", file]) == (["26.0.8"], [file])
    for other in ("tests/unit/test_matrix.py", "tests/acceptance/test_no.py", "tests/e2e/test_killed.py"):
        with pytest.raises(SystemExit, match=f"'{other}': is none of the matrix"):
            asked(["26.0.8", other])
