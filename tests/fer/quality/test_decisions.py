"""The file of a cleaning list: written whole, read back exactly, and refused with the line that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fer.data import Dataset
from fer.errors import DataError
from fer.quality.cleaning import CleaningList
from fer.quality.decisions import Decision

MakeDataset = Callable[..., Dataset]
HEAD = "# fer cleaning list 1\nname,content_id,action,value,reason,decided\n"
WHEN = "2026-11-21T14:02:56.000001+00:00"
GOOD = f"a.png,x00000000000000ff,drop,,blank,{WHEN}\n"
NAMES = [
    "plain.png",
    'with "quotes", and commas.png',
    "two\nlines.png",
    "grüße 😄.png",
    " spaced ",
    "row 17",
    "=1+1",
    "b\udcff.png",
]


def test_save_and_load_give_the_same_list(make_dataset: MakeDataset, tmp_path: Path) -> None:
    dataset = make_dataset(range(7), names=NAMES[:7])
    decided = CleaningList().decide(dataset, range(7), "drop", reason='a "reason",\nin words')
    decided = decided.decide(dataset, [3], "relabel", "sad").decide(dataset, [3], "move", "test")
    path = tmp_path / "new folder" / "noise.cleaning.csv"
    decided.save(path)
    assert CleaningList.load(path) == decided
    assert path.read_text(encoding="utf-8").startswith(HEAD)
    assert [file.name for file in path.parent.iterdir()] == [path.name], "nothing is left beside it"


def test_save_and_load_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    decision = Decision(NAMES[-1], 2**64 - 1, "drop", "", "", datetime.now(UTC))
    CleaningList((decision,)).save(tmp_path / "list.csv")
    assert CleaningList.load(tmp_path / "list.csv").history == (decision,)


def test_save_replaces_whole_or_not_at_all(make_dataset: MakeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fer.quality import decisions

    dataset = make_dataset([0, 1])
    path = tmp_path / "list.csv"
    CleaningList().decide(dataset, [0], "drop").save(path)
    before = path.read_bytes()

    def full(decision: Decision) -> tuple[str, ...]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(decisions, "_cells", full)
    with pytest.raises(DataError, match=r"Cannot write the cleaning list .*No space left"):
        CleaningList().decide(dataset, [1], "drop").save(path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_load_what_a_spreadsheet_has_sorted_and_saved(tmp_path: Path) -> None:
    """A byte-order mark, cells that fill up short lines, other line ends, an empty line; the later decision stands first."""
    later = WHEN.replace("14:02", "15:02")
    lines = [
        "# fer cleaning list 1,,,,,",
        "name,content_id,action,value,reason,decided",
        f"a.png,x00000000000000ff,keep,,,{later}",
        f"a.png,x00000000000000ff,drop,,blank,{WHEN}",
        ",,,,,",
    ]
    path = tmp_path / "list.csv"
    path.write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())
    (holds,) = CleaningList.load(path).in_force.values()
    assert (holds.name, holds.action) == ("a.png", "keep")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a.png,x00000000000000ff,drop", r"expected 6 cells, name,content_id.*Received: 3"),
        (f"a.png,x00000000000000ff,drop,,,{WHEN},more", "Received: 7"),
        (f",x00000000000000ff,drop,,,{WHEN}", "the name of an image.*an empty one"),
        (f"a.png,255,drop,,,{WHEN}", "x and 16 digits.*Received: '255'"),
        (f"a.png,x00000000000000FG,drop,,,{WHEN}", "Received: 'x00000000000000FG'"),
        (f"a.png,x00000000000000ff,delete,,,{WHEN}", "keep, drop, relabel, move. Received: 'delete'"),
        (f"a.png,x00000000000000ff,drop,sad,,{WHEN}", "a value with relabel and move alone. Received: drop 'sad'"),
        (f"a.png,x00000000000000ff,relabel,,,{WHEN}", "Received: relabel ''"),
        (f"a.png,x00000000000000ff,move,dev,,{WHEN}", "train, val, test. Received: 'dev'"),
        ("a.png,x00000000000000ff,drop,,,yesterday", "a time such as 2026.*Received: 'yesterday'"),
        ("a.png,x00000000000000ff,drop,,,2026-11-21T14:02:56", "a time with its zone"),
    ],
)
def test_load_names_the_malformed_line(line: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{HEAD}{GOOD}{line}\n{GOOD}", encoding="utf-8")
    with pytest.raises(DataError, match=f"line 4: .*{words}"):
        CleaningList.load(path)


def test_load_names_all_malformed_lines_up_to_ten(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(HEAD + GOOD + "short,line\n" * 14, encoding="utf-8")
    with pytest.raises(DataError) as error:
        CleaningList.load(path)
    text = str(error.value)
    assert all(f"line {line}: " in text for line in range(4, 14))
    assert "line 14" not in text
    assert text.endswith("… and 4 more")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is no cleaning list: expected '# fer cleaning list 1' in line 1"),
        (b"name,label\na,b\n", "is no cleaning list.*Received: 'name'"),
        (b"# fer cleaning list 2\n", "format 2; this version reads format 1"),
        (b"# fer cleaning list 1\nname;content_id;action;value;reason;decided\n", "line 2: expected the columns name,content_id"),
        (bytes(range(256)) * 100, "list.csv"),
        (HEAD.encode("utf-16"), "is no cleaning list"),
        ((HEAD + f'"never closed,x00000000000000ff,drop,,,{WHEN}\n').encode(), "no CSV that can be read: line 3"),
    ],
)
def test_load_refuses_other_files(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    with pytest.raises(DataError, match=words):
        CleaningList.load(path)


def test_load_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Cannot read the cleaning list .*none.csv: No such file"):
        CleaningList.load(tmp_path / "none.csv")


def test_decision_out_of_range() -> None:
    now = datetime.now(UTC)
    with pytest.raises(DataError, match="content id"):
        Decision("a", 2**64, "drop", "", "", now)
    assert Decision("a", 1, "drop", "", "", now) != Decision("a", 1, "drop", "", "", now + timedelta(seconds=1))
