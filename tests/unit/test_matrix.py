"""The table of docs/compatibility.md, from pytest's JUnit files."""

from pathlib import Path

import pytest

from tests.support.matrix import BEGIN, DOCUMENT, END, read, table, title, write

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
