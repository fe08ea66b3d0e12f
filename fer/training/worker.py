"""What happens inside the training process: from a run's folder to its best weights.

The only place of training that imports Keras. Whatever ends a run (the last epoch, a request, a full disk, a network that
diverged) is written into the run's state in words (`fer/job.py`), and the finished epochs stay.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fer.bundles import file_sha256
from fer.errors import FerError, RunError
from fer.files import write_json
from fer.quality.cleaning import CleaningSummary, read_cleaned
from fer.recipes import Settings
from fer.training.prepare import PreparedData, prepare_data
from fer.training.queue import start_next
from fer.training.run import Run
from fer.words import percent

Progress = Callable[[str, float], None]

# What Keras may compute with, where `KERAS_BACKEND` does not say: the first that is installed.
BACKENDS = ("tensorflow", "jax", "torch")


def train_run(run: Run, *, progress: Progress | None = None) -> Run:
    """Train a run to its end in this process, then start the next that waits; one that has finished epochs goes on after them.

    Args:
        run: made by `create_run`, and not going elsewhere.
        progress: called a few times a second with what is being done and the share of it that is, 0…1.

    Raises:
        RunError: the run is going elsewhere, its folder cannot be written, or the training diverged.
        FerError: the data or settings do not serve; the text stands in the run's state as well.
        KeyboardInterrupt: it was interrupted by the user or asked to stop by a signal.
    """
    try:
        with run.work(), _memory_in_words():
            prepare_keras(run.path / run.log_file)
            _train(run, progress)
    finally:
        with suppress(FerError, OSError):  # the next look at the page will try again
            start_next()
    return run


def _train(run: Run, progress: Progress | None) -> None:
    run.write_state("running", "Reading the data")
    request, settings = run.request, run.settings
    dataset, cleaned = read_cleaned(request["data"], run.cleaning, ferplus=request["ferplus"], progress=progress)
    prepared = prepare_data(dataset, settings)
    _write_dataset_info(run, prepared, cleaned)

    run.write_state("running", "Loading the network")
    import keras

    from fer.networks.pretrained import Pretrained
    from fer.networks.weights import begin_with_published_weights
    from fer.training.batches import Batches
    from fer.training.compile import augments_on_device, build_model, compile_model, computes_in_bfloat16, make_policies
    from fer.training.device_batches import DeviceBatches
    from fer.training.recorder import EndedEarly, Recorder
    from fer.training.tensorboard_events import EventFiles
    from fer.training.watch import Sample

    keras.utils.set_random_seed(settings.training.seed)
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if computes_in_bfloat16(settings) else "float32")
    _write_environment(run, settings)
    model = build_model(settings, prepared)
    compile_model(model, settings, prepared)

    policies = make_policies(settings)
    sample = Sample(prepared.val, settings.preprocessing)
    recorder = Recorder(run, prepared.train.images_an_epoch, policies, sample, progress)
    events = EventFiles(run)
    events.begin()
    # Behind the recorder, whose rows it repeats.
    repeater = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: events.add_newest())
    if isinstance(settings.network, Pretrained) and not settings.training.start_from and not recorder.epochs_done:
        begin_with_published_weights(model, settings.network, progress or _into_state(run))
    # The averaged weights are swapped in for validation only; the recorder stands before the swap (see there).
    swap = [keras.callbacks.SwapEMAWeights()] if settings.training.ema else []
    batches = DeviceBatches if augments_on_device(settings) else Batches
    run.write_state("running", "Training")
    with closing(events):
        for image_size, last_epoch in _stages(settings):
            epochs_done = recorder.epochs_done
            if epochs_done < last_epoch and not model.stop_training:
                try:
                    model.fit(
                        batches(prepared.train, settings, training=True, epoch=epochs_done, image_size=image_size),
                        validation_data=batches(prepared.val, settings, training=False),
                        initial_epoch=epochs_done,
                        epochs=last_epoch,
                        shuffle=False,  # the batches are in an order of their own; Keras' comes from a state that is not saved
                        callbacks=[*policies, recorder, repeater, *swap],
                        verbose=0,
                    )
                except EndedEarly:
                    return
                finally:
                    recorder.write_checkpoint()  # of a run that was stopped, too


def _into_state(run: Run) -> Progress:
    """Progress for who watches the run's folder."""

    def report(what: str, share: float) -> None:
        run.write_state("running", f"{what}, {percent(share, 0)}")

    return report


def prepare_keras(log: Path) -> None:
    """Choose Keras' backend and import it; what TensorFlow's C++ side prints meanwhile goes to `log`."""
    os.environ.setdefault("KERAS_BACKEND", next(filter(find_spec, BACKENDS), BACKENDS[0]))
    # Arrays that a function holds (a teacher's weights) are handed to JAX's programs, instead of being compiled into them:
    # https://docs.jax.dev/en/latest/internals/constants.html
    os.environ.setdefault("JAX_USE_SIMPLIFIED_JAXPR_CONSTANTS", "1")
    # 3 hides also the errors that TensorFlow reports where there is no GPU; its failures reach us as exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_into(log):
        import keras  # noqa: F401


@contextmanager
def _stderr_into(log: Path) -> Iterator[None]:
    """Send what TensorFlow's C++ side prints while it is imported to the log: no setting silences it, and it is no news."""
    kept = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _stages(settings: Settings) -> list[tuple[int, int]]:
    """(image size, epochs done at its end): small images first where the settings say so, then full size."""
    training, full_size = settings.training, settings.preprocessing.size
    small_epochs = round(training.small_share * training.epochs) if training.small_size else 0
    stages = [(training.small_size, small_epochs), (full_size, training.epochs)]
    return [stage for stage in stages if stage[1] > 0]


def _write_dataset_info(run: Run, prepared: PreparedData, cleaned: CleaningSummary | None) -> None:
    dataset = prepared.dataset
    if (run.path / "checkpoint.npz").is_file() and run.dataset_info().get("fingerprint") != dataset.fingerprint:
        raise RunError(
            f"{run.request['data']} holds other images or labels than when the run began: validation might meet images "
            "that were learned. Put the data back as it was and resume, or start a new run."
        )
    cleaning: dict[str, Any] = {}
    if run.cleaning and cleaned:
        file = Path(run.request["cleaning"]).name
        cleaning = {"cleaning": {"file": file, "sha256": file_sha256(run.cleaning), **cleaned.as_dict()}}
    write_json(
        run.path / "dataset.json",
        {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "labels": list(dataset.label_set),
            "heads": {head: list(label_set) for head, label_set in prepared.heads.items()},
            "counts": dataset.counts(),
            "leaks_removed": prepared.leaks_removed,
            **cleaning,
        },
    )


def _write_environment(run: Run, settings: Settings) -> None:
    import keras

    import fer
    from fer.training.compile import computes_in_bfloat16

    device = keras.ops.convert_to_tensor(0.0).device
    write_json(
        run.path / "environment.json",
        {
            "fer": fer.__version__,
            "python": platform.python_version(),
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            # JAX knows it by name: "NVIDIA H200", "cpu"; others say where it stands: "cuda:0".
            "device": str(getattr(device, "device_kind", device)),
            "precision": "bfloat16" if computes_in_bfloat16(settings) else "float32",
            "platform": platform.platform(),
            "processors": os.cpu_count(),
        },
    )


@contextmanager
def _memory_in_words() -> Iterator[None]:
    """Say what to do where Python, NumPy or the backend gave up for want of memory; each backend has an exception of its own."""
    try:
        yield
    except Exception as error:
        said = f"{type(error).__name__}: {error}".lower()
        if any(word in said for word in ("memoryerror", "out of memory", "resource_exhausted", "resourceexhausted")):
            raise RunError("Out of memory. Try a smaller batch_size or preprocessing.size.") from error
        raise
