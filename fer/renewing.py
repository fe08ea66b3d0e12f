"""`renew_bundle`: the LiteRT file of an older bundle made again of its Keras weights, with the outputs that bundles have today.

Runs where TensorFlow may be imported: the command line (`python -m fer models renew NAME`), never the server.
"""

from __future__ import annotations

import shutil

import numpy as np

from fer.bundles import Bundle, load_bundle
from fer.bundling import SAMPLES, convert_to_litert, served_model, write_card
from fer.data import read_dataset
from fer.errors import BundleError
from fer.evaluation.calibration import softmax
from fer.files import replacing_folder
from fer.litert import LiteRtNetwork

# The card's figures are those of the old file: a probability may move by what another order of additions makes, and no more.
_SAME = 1e-5


def renew_bundle(bundle: Bundle) -> Bundle:
    """Convert a bundle's Keras weights again; the card stays, and so do the answers.

    Args:
        bundle: stays as it is until all has succeeded.

    Raises:
        BundleError: it was made elsewhere and has no Keras weights, it would answer otherwise, or it cannot be written.
    """
    if bundle.is_foreign:
        raise BundleError(f"The model {bundle.name!r} was made elsewhere: there are no Keras weights to make its file again of.")
    litert = convert_to_litert(served_model(bundle), weights=bundle.card["settings"]["serving"]["weights"])
    faces = read_dataset(f"synthetic:{SAMPLES}").images
    preprocessing = bundle.preprocessing
    model_input = preprocessing.normalise(faces.batch(np.arange(SAMPLES), preprocessing.size, preprocessing.channels))
    before, after = (LiteRtNetwork(content).run_batch(model_input) for content in (bundle.litert_path.read_bytes(), litert))
    gap = max(float(np.abs(softmax(before[head.name]) - softmax(after[head.name])).max()) for head in bundle.heads)
    if gap > _SAME:
        raise BundleError(
            f"Made again, {bundle.name!r} would answer otherwise (probabilities differ by up to {gap:.1g}), and its card would "
            "not hold. It stays as it is; make a new bundle of its run."
        )
    try:
        with replacing_folder(bundle.path, overwrite=True) as built:
            shutil.copytree(bundle.path, built, dirs_exist_ok=True)
            (built / "model.litert").write_bytes(litert)
            write_card(built, bundle.card)
    except OSError as error:
        raise BundleError(f"Cannot write the model to {bundle.path}: {error.strerror or error}.") from error
    return load_bundle(bundle.path)
