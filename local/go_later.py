"""What the Pulumi CLI that we build does later than a released one: two modules, which judge whether a value looks like a secret,
read lists of common passwords at each start. That is half of the start's time, and one command of a hundred needs them.
"""

from collections.abc import Callable
from pathlib import Path

MODULES = ("github.com/nbutton23/zxcvbn-go", "github.com/ccojocar/zxcvbn-go")
CHANGES = {
    "frequency/frequency.go": (("func init() {\n\tmale", "// Load reads the lists.\nfunc Load() {\n\tmale"),),
    "matching/matching.go": (
        ("func init() {\n\tloadFrequencyList()\n}\n", ""),  # Omnimatch calls it, where nobody has
        ("func loadFrequencyList() {\n", "func loadFrequencyList() {\n\tfrequency.Load()\n"),
    ),
}


def module_file(main: Path, folder: Path, run_go: Callable[..., str]) -> Path:
    """A go.mod beside that of a main module, for ``-modfile``, in which these modules are copies that are changed so.

    :param run_go: runs Go in the main module and gives what it prints.
    """
    run_go("mod", "download", *MODULES)
    replaced = []
    for name in MODULES:
        source = Path(run_go("list", "-m", "-f", "{{.Dir}}", name).strip().splitlines()[-1])
        copy = folder / name.replace("/", "-")
        for file in source.rglob("*.go"):
            if not file.name.endswith("_test.go"):
                at = file.relative_to(source)
                (copy / at).parent.mkdir(parents=True, exist_ok=True)
                (copy / at).write_text(_changed(file.read_text(), str(at)))
        own = source / "go.mod"
        (copy / "go.mod").write_text(own.read_text() if own.exists() else f"module {name}\n")
        replaced.append(f"replace {name} => {copy}\n")
    (folder / "go.mod").write_text((main / "go.mod").read_text() + "".join(replaced))
    (folder / "go.sum").write_text((main / "go.sum").read_text())
    return folder / "go.mod"


def _changed(text: str, at: str) -> str:
    for old, new in CHANGES.get(at, ()):
        assert text.count(old) == 1, f"{at} is of another version"
        text = text.replace(old, new)
    return text
