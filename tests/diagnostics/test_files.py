"""Files are written whole or not at all, and a refusal says what to do."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from dynattn.diagnostics.files import make_empty_folder, make_folder, write_whole
from dynattn.diagnostics.report import SpecError


def refused(action, *arguments):
    with pytest.raises(SpecError) as caught:
        action(*arguments)
    (item,) = caught.value.diagnostics
    return item.code, item.message, item.fix


@pytest.mark.parametrize("content", ["é", "é".encode(), lambda file: file.write("é".encode())])
def test_whatever_is_written_is_there(tmp_path, content):
    place = tmp_path / "a" / "b"
    assert write_whole(place, content) == place
    assert place.read_text("utf-8") == "é"
    assert [path.name for path in place.parent.iterdir()] == ["b"]


def test_a_folder_in_the_place_of_a_file(tmp_path):
    assert refused(write_whole, tmp_path, b"") == (
        "E704", f"{tmp_path} is a folder", "choose another file name",
    )  # fmt: skip


@pytest.mark.parametrize(("action", "content"), [(write_whole, [b""]), (make_folder, [])])
def test_a_file_on_the_way(tmp_path, action, content):
    file = tmp_path / "file"
    file.write_text("precious")
    assert refused(action, file / "inside", *content) == (
        "E704",
        f"{file / 'inside'} cannot be made: {file} is a file",
        "choose another place with -o, or move the file away",
    )
    assert file.read_text() == "precious"


def test_a_folder_that_is_in_use(tmp_path):
    make_empty_folder(tmp_path / "new")
    make_empty_folder(tmp_path / "new")
    assert refused(make_empty_folder, tmp_path) == (
        "E704", f"{tmp_path} is not empty", "choose another place with -o DIR",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "words", "fix"),
    [
        (errno.ENOSPC, "the disk is full", "make room; what was written before is whole"),
        (errno.EROFS, "read-only file system", "choose another place with -o"),
    ],
)
def test_a_refusal_leaves_what_was_there(tmp_path, number, words, fix):
    place = tmp_path / "a.csv"
    write_whole(place, "before")

    def fill(file):
        file.write(b"half")
        raise OSError(number, "Read-only file system")

    assert refused(write_whole, place, fill) == ("E705", f"{place} cannot be written: {words}", fix)
    assert place.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


LIMITED = """
import resource, sys
from pathlib import Path
from dynattn.diagnostics.files import write_whole
from dynattn.diagnostics.report import SpecError

path = Path(sys.argv[1])
write_whole(path, b"old" * 100)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_whole(path, b"new" * 100000)
except SpecError as error:
    print(error.diagnostics[0].code, error.diagnostics[0].message)
print(path.read_bytes() == b"old" * 100, sorted(p.name for p in path.parent.iterdir()))
"""


def test_a_write_the_system_really_stops(tmp_path):
    path = tmp_path / "file"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout == (
        f"E705 {path} cannot be written: the file is larger than the system allows\nTrue ['file']\n"
    )
