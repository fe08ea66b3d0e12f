"""LiteRT against Keras: do the network that answers and the one that was trained say the same of the very faces evaluated?

    evaluate ─ begin_agreement ─→ folder in the cache ─ a process of its own (`fer/agreement_worker.py`) ─→ result ─→ check

Keras takes TensorFlow, which takes seconds to load and stays out of the server: so both are asked beside the evaluation. What
comes out is kept by the two files and the images, and is paid for once.

    request.json, faces.npy   which model, and the faces, until they are compared
    agreement.json            what came out
    agreement.log, state.json, worker.json, stop, claim.lock   see `fer/job.py`
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fer.bundles import Bundle, file_sha256
from fer.errors import RunError
from fer.files import replacing_folder, write_json
from fer.job import Job, cannot_write, read_job_json
from fer.workspace import cache_dir

if TYPE_CHECKING:  # data is imported by what imports this
    from fer.data.dataset import Dataset

FACES = 64
# A process that has been looked at for so long is not waited for any more; on a loaded machine it takes half a minute.
_LONGEST_S = 300.0
REQUEST_FILE, FACES_FILE, RESULT_FILE = "request.json", "faces.npy", "agreement.json"


@dataclass(frozen=True)
class Agreement:
    """How near a bundle's two networks are.

    Args:
        faces: how many were answered by both.
        largest_difference: of a probability, over all faces, heads and classes, 0…1.
    """

    faces: int
    largest_difference: float


@dataclass(frozen=True)
class AgreementJob(Job):
    """The comparison of a bundle's two networks on some images; its folder need not be there."""

    kind: ClassVar[str] = "comparison"
    log_file: ClassVar[str] = "agreement.log"
    resumes: ClassVar[str] = "Evaluate again."

    def command(self) -> list[str]:
        return ["evaluate", "--job", str(self.path.resolve())]

    @property
    def agreement(self) -> Agreement | None:
        """What came out; None where nothing has yet.

        Raises:
            RunError: the folder is damaged.
        """
        return Agreement(**read_job_json(self.path / RESULT_FILE)) if self.status == "finished" else None

    def wait_for(self) -> None:
        """Until it has ended, or takes longer than anybody waits."""
        begun = time.monotonic()
        while self.is_going and time.monotonic() - begun < _LONGEST_S:
            time.sleep(0.1)


def find_agreement(bundle: Bundle, fingerprint: str, split: str) -> AgreementJob:
    """Where the comparison on these images is, begun or not.

    Args:
        bundle: with a Keras file, as all have that were made here.
        fingerprint, split: of the images, as a report keeps them.
    """
    asked = [file_sha256(bundle.litert_path), file_sha256(bundle.keras_path), fingerprint, split]
    key = json.dumps([*asked, bundle.preprocessing.as_dict(), bundle.card["settings"]["serving"]], sort_keys=True)
    return AgreementJob(cache_dir() / "agreements" / hashlib.sha256(key.encode()).hexdigest()[:32])


def begin_agreement(bundle: Bundle, part: Dataset, fingerprint: str, split: str) -> None:
    """Start the comparison, unless it has been made, or goes on; a bundle without a Keras file is let be.

    Args:
        bundle: see `find_agreement`, as are fingerprint and split.
        part: the images of that split; 64 of them are taken, spread over the whole.

    Raises:
        RunError: its folder cannot be written.
    """
    if not bundle.keras_path.is_file():
        return
    job = find_agreement(bundle, fingerprint, split)
    if job.status == "finished" or job.is_active:
        return
    try:
        if not (job.path / FACES_FILE).is_file():  # else it was begun once, and killed
            rows = np.unique(np.linspace(0, len(part) - 1, min(FACES, len(part))).astype(int))
            size, channels = bundle.preprocessing.size, bundle.preprocessing.channels
            with replacing_folder(job.path, overwrite=True) as building:
                np.save(building / FACES_FILE, part.images.batch(rows, size, channels))
                request = {"bundle": str(bundle.path.resolve()), "fingerprint": fingerprint, "split": split}
                write_json(building / REQUEST_FILE, request)
        job.launch()
    except OSError as error:
        raise cannot_write(job.path, error, kind=job.kind) from error
    except RunError:
        if not job.is_active:  # else another session has begun it in the same instant
            raise
