"""The pages: links that lead somewhere, and a reference that leaves nothing out."""

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from grants.spec import NO_KEYS, GrantSpec
from local.layout import PROJECT
from tests.support.resources import RESOURCES

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
LINES, LONGEST_LINE = 120, 120
PAGES = sorted(
    page.relative_to(PROJECT)
    for folder in (".", "docs", "docs/adr", "examples/guide", "examples/three_hops", "examples/with_clients")
    for page in (PROJECT / folder).glob("*.md")
)


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall((PROJECT / page).read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = (PROJECT / page.parent / file).resolve() if file else PROJECT / page
        assert target.exists(), f"{page} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page} links to {link}"


def test_the_reference_has_every_key() -> None:
    text = (PROJECT / "docs" / "reference.md").read_text(encoding="utf-8")
    grant, _, rest = text.partition("\n## Resources\n")
    fields = [field for field in GrantSpec.__dataclass_fields__ if field not in NO_KEYS]
    keys = [re.sub(r"_(.)", lambda found: found.group(1).upper(), field) for field in fields]
    config = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
    assert [key for key in keys if f"`{key}`" not in grant] == []
    rows = {
        row[0].strip("` "): row[2].replace("`", "") for row in re.findall(r"^\| (.+?) \| (.+?) \| (.+) \|$", rest, re.M)
    }
    assert [key for key, each in config.items() if not rows.get(key, "").startswith(each["description"])] == []


def test_each_resource_has_its_row_of_what_it_creates_and_restores() -> None:
    rows = (PROJECT / "docs" / "lifecycle.md").read_text(encoding="utf-8").partition("\n## Per resource\n")[2]
    assert [
        each.resource for each in RESOURCES.values() if f"`{each.resource}`" not in rows.partition("\n## ")[0]
    ] == []


def test_each_decision_has_a_number_of_its_own() -> None:
    numbers = [page.name[:4] for page in (PROJECT / "docs" / "adr").glob("*.md")]
    assert sorted(numbers) == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_each_page_is_reached_from_the_first_one() -> None:
    reached, waiting = set[Path](), [PROJECT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            links = LINK.findall(page.read_text(encoding="utf-8"))
            waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link]
    assert [page.name for page in (PROJECT / "docs").glob("*.md") if page.resolve() not in reached] == []


def test_the_first_page_is_short() -> None:
    assert len((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()) <= LINES


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_lines_of_prose_are_short(page: Path) -> None:
    """Outside tables and what commands print."""
    inside, long = False, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        inside ^= line.lstrip().startswith("```")
        if len(line.encode()) > LONGEST_LINE and not inside and not line.lstrip().startswith(("|", "!", "    ")):
            long.append(number)
    assert long == []
