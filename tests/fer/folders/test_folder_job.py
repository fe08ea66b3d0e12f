"""A reading in a process of its own: it outlives who began it, stops when asked, and goes on where it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer.errors import BundleError, DataError, RunError, SettingsError
from fer.folders.job import FolderJob, FolderSettings, create_folder_job
from fer.folders.worker import run_folder_job
from fer.workspace import readings_dir

WHOLE = FolderSettings(whole_image=True)


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of so many small pictures that somebody can step in before its end."""
    folder = tmp_path_factory.mktemp("crops")
    rng = np.random.default_rng(0)
    content = [rng.integers(0, 256, (48, 48, 3), np.uint8) for _ in range(10)]
    for number in range(3000):
        Image.fromarray(content[number % 10]).save(folder / f"{number:04d}.bmp")
    return folder


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)


def test_folder_job_killed_and_stopped_goes_on_to_the_same_table(crops: Path) -> None:
    job = create_folder_job(crops, WHOLE)
    job.launch()
    wait_until(lambda: job.progress > 0.05)
    os.kill(json.loads((job.path / "worker.json").read_text())["pid"], signal.SIGKILL)
    wait_until(lambda: job.status == "interrupted")
    with pytest.raises(RunError, match="no table"):
        job.table()
    at_kill = job.progress
    job.resume()
    wait_until(lambda: job.status == "running" and job.progress > at_kill + 0.02)
    job.stop()
    wait_until(lambda: not job.is_active)
    assert job.status == "stopped"
    assert "Resume goes on" in job.reason
    # Another session, or another server, finds it and goes on.
    (found,) = FolderJob.all()
    assert FolderJob.find(job.id) == found == job
    found.resume()
    wait_until(lambda: job.status == "finished" and not job.is_active)
    assert job.progress == 1
    table = job.table()
    assert table["picture"].to_pylist() == [path.name for path in sorted(crops.iterdir())]
    with pytest.raises(RunError, match="finished"):
        job.resume()
    job.delete()
    assert FolderJob.all() == []
    assert len(list(crops.iterdir())) == 3000


def test_folder_job_of_an_upload_keeps_its_own_copy(tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (48, 48), (number, 90, 90)).save(folder / f"{number}.png")
    packed = Path(shutil.make_archive(str(tmp_path / "few"), "zip", folder))
    job = create_folder_job("few.zip", WHOLE, upload=packed.read_bytes())
    assert (job.name, job.request["pictures"]) == ("few.zip", 3)
    packed.unlink()
    shutil.rmtree(folder)
    run_folder_job(job)
    assert len(job.table()) == 3


def test_create_folder_job_without_pictures_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures"):
        create_folder_job(tmp_path)
    with pytest.raises(DataError, match=r"notes\.zip is neither"):
        create_folder_job("notes.zip", upload=b"no archive")
    assert not readings_dir().exists() or list(readings_dir().iterdir()) == []


def test_folder_job_whose_model_is_gone_fails_in_words(tmp_path: Path) -> None:
    Image.new("RGB", (48, 48)).save(tmp_path / "a.png")
    job = create_folder_job(tmp_path, FolderSettings(model="gone", whole_image=True))
    with pytest.raises(BundleError, match="No model 'gone'"):
        run_folder_job(job)
    assert job.status == "failed"
    assert "gone" in job.reason


def test_find_folder_job_takes_ids_alone() -> None:
    for wrong in ("../runs", "20260131-120000-0123456789ab"):
        with pytest.raises(RunError, match="There is no reading"):
            FolderJob.find(wrong)
    with pytest.raises(RunError, match="never begun here"):
        FolderJob(readings_dir())


def test_folder_settings_refuse_what_cannot_be() -> None:
    with pytest.raises(SettingsError, match="at least 1 pixel"):
        FolderSettings(min_size=0)
    with pytest.raises(SettingsError, match="Unknown settings of a reading: mood"):
        FolderSettings.from_dict({"mood": 1})
