"""The curve of the search for near duplicates: it runs, and finds the copies that it plants."""

import sys

from benchmarks.near_duplicates import main


def test_near_duplicates_prints_a_row_a_size(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["near_duplicates", "--most", "10000"])
    main()
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[0] == "images"
    assert row.split()[0] == "10,000"
    assert float(row.split()[-1].rstrip("%")) > 95


def test_near_duplicates_times_a_whole_dataset(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["near_duplicates", "--most", "0", "--data", "synthetic:100"])
    main()
    assert "synthetic: 100 images, " in capsys.readouterr().out.splitlines()[-1]
