"""What happens inside a comparison's process: a bundle's two networks are asked about the same faces.

Runs where TensorFlow may be imported: `python -m fer evaluate --job FOLDER`, which an evaluation starts beside itself.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from fer.bundles import load_bundle
from fer.bundling import disagreement, served_model
from fer.errors import BundleError
from fer.evaluation.agreement import FACES_FILE, REQUEST_FILE, RESULT_FILE, Agreement, AgreementJob, find_agreement
from fer.files import write_json
from fer.job import read_job_json


def measure_agreement(job: AgreementJob) -> None:
    """Ask both networks in this process, which TensorFlow may be imported into.

    Raises:
        BundleError: the model was changed meanwhile, its Keras file could run a program, or TensorFlow cannot be loaded.
        RunError: the folder cannot be written, or another process works on it.
    """
    with job.work():
        job.write_state("running", "Asking both networks")
        request = read_job_json(job.path / REQUEST_FILE)
        bundle = load_bundle(request["bundle"])
        if find_agreement(bundle, request["fingerprint"], request["split"]).id != job.id:
            raise BundleError(f"The model {bundle.name!r} was changed meanwhile.")
        try:
            model = served_model(bundle)
        except ImportError as error:
            raise BundleError(f"Keras cannot be loaded here, which takes TensorFlow: {error}.") from error
        faces = np.load(job.path / FACES_FILE)
        gap = disagreement(model, bundle.litert_path.read_bytes(), bundle.preprocessing.normalise(faces))
        # NaN is no agreement, and no JSON.
        write_json(job.path / RESULT_FILE, asdict(Agreement(len(faces), gap if gap <= 1 else 1.0)))
        (job.path / FACES_FILE).unlink()
