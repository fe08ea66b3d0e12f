"""Settings → a Keras model ready to be trained: precision, network, optimizer, losses, and what may end or slow it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from fer.networks import build_network, log_odds_heads
from fer.recipes import Settings
from fer.training.distil import Student, join_teachers
from fer.training.fused_norm import with_fused_norm
from fer.training.prepare import FACE_HEAD, LABELS_HEAD, VOTES_HEAD, PreparedData
from fer.training.trained import open_trained
from fer.training.watch import Confusion

# Face or not is easily told; more would take from the expressions.
FACE_WEIGHT = 0.3

# On an accelerator, so many steps are set going at a time: each would take no longer than what Keras does between two of them.
STEPS_AT_A_TIME = 8


def has_accelerator() -> bool:
    """Whether Keras' backend computes on something else than the CPU."""
    return "cpu" not in str(keras.ops.convert_to_tensor(0.0).device).lower()


def augments_on_device(settings: Settings) -> bool:
    """Whether images are varied where the network computes."""
    place = settings.training.augment_on
    return place == "device" or (place == "auto" and has_accelerator() and settings.preprocessing.equalise == "none")


def computes_in_bfloat16(settings: Settings) -> bool:
    """Whether to compute in bfloat16: when told to, or by `auto` where the processor multiplies it in hardware.

    An accelerator is taken to do so. On a CPU only TensorFlow uses its instructions; JAX takes twice the time of float32.
    """
    if settings.training.precision != "auto":
        return settings.training.precision == "bfloat16"
    if has_accelerator():
        return True
    if keras.backend.backend() != "tensorflow":
        return False
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text() if cpuinfo.is_file() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def build_model(settings: Settings, prepared: PreparedData) -> Any:
    """The run's network, taking any image size where training begins with small images."""
    size = None if settings.training.small_size else settings.preprocessing.size
    shape = (size, size, settings.preprocessing.channels)
    labels = {head: list(label_set) for head, label_set in prepared.heads.items()}
    model = with_fused_norm(build_network(settings.network, shape, prepared.outputs, log_odds=log_odds_heads(labels)))
    if settings.training.start_from:
        open_trained(settings.training.start_from).begin(model, settings, labels)
    freeze(model, settings.training.frozen)
    if not settings.training.teachers:
        return model
    student = Student(model.input, model.output)
    student.learn_from(join_teachers(settings, prepared.heads), settings)
    return student


def freeze(model: Any, share: float) -> None:
    """Keep a share of the trunk's layers as they are, counted from the image; dense layers behind the trunk always learn."""
    pooled = (keras.layers.GlobalAveragePooling2D, keras.layers.Flatten)
    # The last one: the attention within some trunks pools, too. Batch normalisation that is kept uses what it has averaged.
    ends = [i for i, layer in enumerate(model.layers) if isinstance(layer, pooled)]
    trunk = [layer for layer in model.layers[: ends[-1] if ends else 0] if layer.weights]
    for layer in trunk[: round(share * len(trunk))]:
        layer.trainable = False


def compile_model(model: Any, settings: Settings, prepared: PreparedData) -> None:
    """Optimizer, losses and metrics as the settings say."""
    training = settings.training
    steps = -(-prepared.train.images_an_epoch // training.batch_size)
    rate: Any = training.learning_rate
    if training.schedule == "cosine":
        warmup = round(min(training.warmup_epochs, training.epochs / 2) * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup else training.learning_rate,
            decay_steps=training.epochs * steps - warmup,
            warmup_target=training.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    # An average that remembers more than a twentieth of the training would still hold its first, random weights at the end.
    memory = max(1.0, 0.05 * training.epochs * steps)
    common: dict[str, Any] = {
        "learning_rate": rate,
        "weight_decay": training.weight_decay or None,
        "use_ema": training.ema > 0,
        "ema_momentum": min(training.ema, 1 - 1 / memory),
    }
    optimizer = (
        keras.optimizers.SGD(momentum=0.9, nesterov=True, **common)
        if training.optimizer == "sgd"
        else keras.optimizers.Adam(**common)
    )
    if training.weight_decay:
        optimizer.exclude_from_weight_decay(var_list=[v for v in model.trainable_variables if len(v.shape) < 2])

    losses, weights = {}, {}
    for head in prepared.outputs:
        # FER+ distributions are soft by themselves; smoothing is for the one-hot labels.
        smoothing = training.label_smoothing if head == LABELS_HEAD else 0.0
        losses[head] = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
        if head == LABELS_HEAD and training.loss == "focal":
            # A weight of 1, so that a gamma of 0 is cross-entropy.
            losses[head] = keras.losses.CategoricalFocalCrossentropy(
                alpha=1.0, gamma=training.focal_gamma, from_logits=True, label_smoothing=smoothing
            )
        weights[head] = {VOTES_HEAD: training.votes_weight, FACE_HEAD: FACE_WEIGHT}.get(head, training.labels_weight)
    model.compile(
        optimizer=optimizer,
        loss=losses,
        loss_weights=weights,
        weighted_metrics={head: _metrics(head, classes) for head, classes in prepared.outputs.items()},
        # On the CPU, XLA halves the speed of these networks; other backends compile by themselves.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
        steps_per_execution=STEPS_AT_A_TIME if augments_on_device(settings) else 1,
    )
    optimizer.build(model.trainable_variables)


def _metrics(head: str, classes: int) -> list[Any]:
    accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
    return [accuracy, Confusion(classes)] if head == LABELS_HEAD else [accuracy]


def make_policies(settings: Settings) -> list[Any]:
    """Callbacks that decide from the history of epochs: early stopping, plateau."""
    training = settings.training
    policies: list[Any] = []
    if training.early_stopping:
        policies.append(keras.callbacks.EarlyStopping(monitor="val_loss", patience=training.early_stopping))
    if training.plateau_patience:
        policies.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor="val_loss",
                factor=training.plateau_factor,
                patience=training.plateau_patience,
                min_delta=training.plateau_min_delta,
            )
        )
    return policies
