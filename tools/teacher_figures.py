"""What the flagship's teachers are worth, each alone and all together, before a student learns from them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fer.training import open_run

AT_A_TIME = 512


def teacher_figures(teachers: list[str], data: str, ferplus: str | None) -> dict[str, dict[str, float]]:
    """Accuracy on the validation part of each teacher and of their mean answer.

    By name: `labels`, `votes_strict` (FER+'s strict protocol) and, for the mean over a face and its mirror image, `…_mirrored`.
    """
    from fer.training.worker import prepare_keras

    prepare_keras(Path(os.devnull))
    import numpy as np

    from fer.data import read_dataset
    from fer.evaluation.ferplus import score_votes
    from fer.training.device_batches import compiled
    from fer.training.distil import join_teachers
    from fer.training.prepare import LABELS_HEAD, VOTES_HEAD, prepare_data

    settings = open_run(teachers[0]).settings
    prepared = prepare_data(read_dataset(data, ferplus=ferplus), settings)
    faces = prepared.dataset.split("val")
    batches = -(-len(faces) // AT_A_TIME)
    # Filled up, because a batch of another size would be compiled once more.
    images = np.resize(prepared.val.images[: len(faces)], (batches * AT_A_TIME, *settings.preprocessing.input_shape))
    answers: dict[str, dict[str, Any]] = {"together": {}}
    for teacher in teachers:
        ask = compiled(join_teachers(settings.with_overrides({"teachers": teacher}), prepared.heads))
        answers[Path(teacher).name] = {}
        for kind, seen in (("", images), ("_mirrored", images[:, :, ::-1])):
            parts = [ask(settings.preprocessing.normalise(part), 1.0) for part in np.split(seen, batches)]
            for head in parts[0]:
                y_prob = np.concatenate([np.asarray(part[head]) for part in parts])[: len(faces)]
                if kind:
                    y_prob = (y_prob + answers[Path(teacher).name][head]) / 2
                answers[Path(teacher).name][head + kind] = y_prob
                answers["together"][head + kind] = answers["together"].get(head + kind, 0) + y_prob / len(teachers)
    figures: dict[str, dict[str, float]] = {}
    for name, given in answers.items():
        figures[name] = {}
        for kind in ("", "_mirrored"):
            figures[name][f"labels{kind}"] = float((given[LABELS_HEAD + kind].argmax(axis=1) == faces.label_ids).mean())
            if faces.votes is not None and VOTES_HEAD in given and (score := score_votes(faces.votes, given[VOTES_HEAD + kind])):
                figures[name][f"votes_strict{kind}"] = score.accuracy
    return figures
