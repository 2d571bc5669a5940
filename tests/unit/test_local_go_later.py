"""The Pulumi CLI that we build reads lists of passwords when it is asked about one, and is else Pulumi's own."""

from pathlib import Path

import pytest

from local import go_later

FREQUENCY = "package frequency\n\nfunc init() {\n\tmale := 1\n}\n"
MATCHING = "package matching\n\nfunc init() {\n\tloadFrequencyList()\n}\n\nfunc loadFrequencyList() {\n\tx := 1\n}\n"


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    """The modules as Go has them: one has no go.mod."""
    made = {name: tmp_path / "sources" / str(number) for number, name in enumerate(go_later.MODULES)}
    for folder in made.values():
        files = {
            "frequency/frequency.go": FREQUENCY,
            "matching/matching.go": MATCHING,
            "zxcvbn_test.go": "",
            "a.go": "a",
        }
        for at, text in files.items():
            (folder / at).parent.mkdir(parents=True, exist_ok=True)
            (folder / at).write_text(text)
    (made[go_later.MODULES[1]] / "go.mod").write_text("module its own\n")
    for file in ("go.mod", "go.sum"):
        (tmp_path / file).write_text(f"our {file}\n")
    return made


def module_file(tmp_path: Path, sources: dict[str, Path]) -> Path:
    return go_later.module_file(tmp_path, tmp_path / "later", lambda *words: f"{sources.get(words[-1], '')}\n")


def test_modules_are_read_from_copies_that_are_changed(tmp_path: Path, sources: dict[str, Path]) -> None:
    (tmp_path / "later").mkdir()
    written = module_file(tmp_path, sources)
    assert written.with_name("go.sum").read_text() == "our go.sum\n"
    ours, *replaced = written.read_text().splitlines()
    assert ours == "our go.mod" and len(replaced) == len(sources)
    for line, name in zip(replaced, go_later.MODULES, strict=True):
        words = line.split(" ")
        copy = Path(words[3])
        assert words[:3] == ["replace", name, "=>"] and not (copy / "zxcvbn_test.go").exists()
        frequency, matching = ((copy / at).read_text() for at in ("frequency/frequency.go", "matching/matching.go"))
        assert "func Load() {\n\tmale := 1" in frequency and "init" not in frequency
        assert "func loadFrequencyList() {\n\tfrequency.Load()\n\tx := 1" in matching and "init" not in matching
        assert (copy / "a.go").read_text() == "a"
    assert [(Path(line.split(" ")[3]) / "go.mod").read_text() for line in replaced] == [
        f"module {go_later.MODULES[0]}\n",
        "module its own\n",
    ]


def test_another_version_is_not_changed_by_half(tmp_path: Path, sources: dict[str, Path]) -> None:
    (sources[go_later.MODULES[0]] / "matching" / "matching.go").write_text("package matching\n")
    with pytest.raises(AssertionError, match=r"matching/matching\.go is of another version"):
        module_file(tmp_path, sources)
