"""Files that commands write: whole or not at all, through links, and for nobody more than before."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange.terminal.files import write_whole


@pytest.fixture(autouse=True)
def narrow() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_a_new_file_gets_what_the_umask_leaves(tmp_path: Path) -> None:
    write_whole(tmp_path / "new", "ü")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "new").read_bytes() == b"\xc3\xbc"


def test_a_link_stays_one_also_to_what_is_not_there_yet(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = tmp_path / "link"
    link.symlink_to(folder / "file")
    for text in ("one", "two"):
        write_whole(link, text)
        assert link.is_symlink() and (folder / "file").read_text() == text
    assert [each.name for each in folder.iterdir()] == ["file"]


def test_what_cannot_be_written_leaves_the_file_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "x" * 100_000 + "\ud800")
    assert file.read_text() == "before" and [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, "said")
    assert os.read(reading, 10) == b"said" and pipe.is_fifo()
    os.close(reading)
