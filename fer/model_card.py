"""The card of a model: what stands in it beside the figures, and how a person reads it.

`fer/bundling.py` measures and writes it; nothing here opens Keras or LiteRT.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fer.bundles import abstentions
from fer.evaluation.robustness import describe_robustness
from fer.networks.pretrained import BACKBONES
from fer.recipes import Settings, list_recipes
from fer.recipes.describe import setting_text
from fer.training.history import best_row
from fer.training.run import Run
from fer.words import percent, percent_range

INTENDED_USE = (
    "Reads the apparent expression of faces in pictures and video: what a face shows, not what a person feels. For study, "
    "research, art and tools whose users are told about it and agree."
)
LIMITS = (
    "It does not know what a person feels, thinks or intends; people show the same feeling in different ways.",
    "Learned from FER2013-like pictures found on the web; their labels are noisy, and ages, skin tones and cultures are not "
    "represented evenly. Nobody has measured how accuracy differs between groups of people.",
    "Weak on disgust, fear and contempt, of which there are few examples; on small, blurred, dark, covered or turned faces.",
    "EU AI Act, Art. 5(1)(f): inferring emotions at work and in education is forbidden, except for medical or safety reasons; "
    "other emotion recognition is high-risk (Annex III 1(c)), and those exposed must be told (Art. 50(3)).",
)
# Of a model that was made elsewhere.
FOREIGN_LIMITS = (
    LIMITS[0],
    "Nothing is known here of what it learned from, of whose faces, and how well. Evaluate it on pictures that it has not "
    "learned from before anything is concluded from its answers.",
    LIMITS[-1],
)


def training_card(run: Run) -> dict[str, Any]:
    """How it went: epochs, the one that was chosen, hours, and a row an epoch."""
    rows = run.epoch_rows()
    chosen = best_row(rows, run.settings.training.monitor)
    first = _first_stretch(run)
    return {
        **({"after": {key: training_card(first)[key] for key in ("epochs", "hours")}} if first else {}),
        "epochs": len(rows),
        "chosen_epoch": chosen["epoch"],
        "chosen_by": run.settings.training.monitor,
        "hours": round(sum(row["seconds"] for row in rows) / 3600, 2),
        "history": [{key: round(value, 5) for key, value in row.items()} for row in rows],
    }


def reproduce_commands(run: Run, name: str) -> list[str]:
    """The commands that made it, without the paths of the machine where it was made."""
    first = _first_stretch(run)
    commands = [f"{_train_command(first, '')} --run FIRST"] if first else []
    return [*commands, f"{_train_command(run, 'FIRST' if first else '')} --run RUN", f"python -m fer bundle RUN {name}"]


def settings_card(settings: Settings) -> dict[str, Any]:
    """All settings, without the paths of the machine where they held."""
    training = settings.training
    named = replace(
        training,
        start_from=Path(training.start_from).name,
        teachers=tuple(Path(teacher).name for teacher in training.teachers),
    )
    sections = replace(settings, training=named).as_dict()
    if "weights" in sections["network"]:
        sections["network"]["weights"] = Path(sections["network"]["weights"]).name
    return sections


def _first_stretch(run: Run) -> Run | None:
    """The run whose weights this one began with, if it was a run."""
    start = Path(run.settings.training.start_from)
    return Run(start) if (start / "settings.json").is_file() else None


def _train_command(run: Run, start: str) -> str:
    request = run.request
    shipped = {recipe.name: recipe.settings.as_dict() for recipe in list_recipes()}.get(run.recipe_name)
    data = request["data"] if ":" in request["data"] or request["data"] == "synthetic" else Path(request["data"]).name
    # A recipe of the user's own is a file that only they have; the card's `settings` say all that stood in it.
    recipe = f"{run.recipe_name}.toml" if shipped is None else run.recipe_name
    command = f"python -m fer train --recipe {recipe} --data {data}"
    if request["ferplus"]:
        command += f" --ferplus {Path(request['ferplus']).name}"
    if run.cleaning:
        command += f" --cleaning {Path(request['cleaning']).name}"
    settings = settings_card(run.settings)
    if start:
        settings["training"]["start_from"] = start
    for section, values in settings.items():
        for key, value in values.items():
            if shipped is not None and setting_text(value) != setting_text(shipped[section].get(key)):
                command += f" --set {section}.{key}={setting_text(value)}"
    return command


def _cleaning(data: Mapping[str, Any]) -> list[str]:
    """What a cleaning list has done to the data, a line of a list; none where there was none."""
    if "cleaning" not in data:
        return []
    done = data["cleaning"]
    changes = f"{done['dropped']:,} images dropped, {done['relabelled']:,} relabelled, {done['moved']:,} moved to another split"
    return [f"- Before, the cleaning list `{done['file']}` was applied (sha256 {done['sha256'][:16]}…): {changes}."]


def _beginning(card: Mapping[str, Any]) -> list[str]:
    """Which weights of another training it began with, a line of a list; none where there were none."""
    network, start = card["settings"]["network"], card["settings"]["training"].get("start_from")
    # What it was a second stretch of has a line of its own; it began with what that one began with.
    if start and "after" not in card["training"]:
        return [f"- It began with the weights of the model `{start}`."]
    if network["architecture"] != "pretrained":
        return []
    weights = {"imagenet": "its ImageNet weights", "random": "random weights, not those that it is known for"}
    began = weights.get(network["weights"], f"the weights in `{Path(network['weights']).name}`")
    return [f"- The backbone {BACKBONES[network['backbone']].title} began with {began}."]


def _machine(environment: dict[str, Any]) -> str:
    """What it was trained on; cards from before there was a choice name no device."""
    device = environment.get("device", "cpu")
    return f"{environment['processors']} processors" if "cpu" in device.lower() else device


def _serving(serving: Mapping[str, Any]) -> str:
    """How the served network differs from the trained one, in words to stand behind its size."""
    mirror = ", its mirror image included" if serving["mirror"] else ""
    return f"{mirror}, in 8-bit integers" if serving["weights"] == "int8" else mirror


def describe_card(card: dict[str, Any]) -> str:
    """The card for people, Markdown."""
    if "origin" in card:
        return _describe_foreign(card)
    data, training, environment, size = card["data"], card["training"], card["environment"], card["preprocessing"]["size"]
    counts = ", ".join(f"{sum(by_label.values()):,} {split or 'unsplit'}" for split, by_label in data["counts"].items())
    lines = [
        f"# {card['name']}",
        "",
        card["intended_use"],
        "",
        f"- Recipe `{card['recipe']}`: {card['parameters'] / 1e6:.2f} M parameters, "
        f"{card['multiply_adds'] / 1e6:.0f} M multiply-adds a face{_serving(card['settings']['serving'])}.",
        f"- Input: {size}×{size}, {'grey' if card['preprocessing']['channels'] == 1 else 'RGB'}. {card['crop']}",
        f"- Learned from {data['name']} ({counts} images, after {data['leaks_removed']} training images that stand in "
        "validation or test as well were left out).",
        *_cleaning(data),
        *_beginning(card),
        *(
            f"- A first stretch of {first['epochs']} epochs and {first['hours']} hours."
            for first in [training.get("after")]
            if first
        ),
        f"- {training['epochs']} epochs, {training['hours']} hours on {_machine(environment)} ({environment['precision']}); "
        f"epoch {training['chosen_epoch']} chosen by {training['chosen_by']}.",
        "",
        "## Figures on the validation part",
        "",
        "The epoch and the calibration were chosen on these same images, so expect a little less on new ones.",
        "",
        "| head | classes | judged by | n | accuracy (95 % interval) | NLL | ECE (15 bins) | KL to the votes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for head in card["heads"]:
        figures = head["validation"]
        lines.append(
            f"| {head['name']} | {', '.join(head['labels'])} | {figures['protocol']} | {figures['n']:,} "
            f"| {percent(figures['accuracy'])} ({percent_range(figures['accuracy_ci95'])}) "
            f"| {figures['nll']:.3f} | {figures['ece']:.3f} "
            f"| {format(figures['kl_to_votes'], '.3f') if 'kl_to_votes' in figures else '–'} |"
        )
    lines += [line for head in card["heads"] if "calibration" in head for line in ("", _calibrated_anew(head))]
    lines += [line for chosen in abstentions(card).values() for line in ("", _abstaining(chosen))]
    if "face" in card:
        test = card["face"]["validation"]
        lines += [
            "",
            f'Answers "not a face" to {percent(test["rejects_refused"])} of {test["rejects"]:,} pictures without a face '
            f"(drawn, and those that FER+ marks), and to {percent(test['faces_refused'])} of {test['faces']:,} faces.",
        ]
    if "robustness" in card:
        lines += ["", *describe_robustness(card["robustness"])]
    if "ablations" in card:
        lines += ["", *_describe_ablations(card["ablations"])]
    lines += ["", "## Limits", "", *(f"- {limit}" for limit in card["limits"])]
    lines += ["", "## Made with", "", "```", *card["reproduce"], "```", "", card["licence"], ""]
    return "\n".join(lines)


def _describe_foreign(card: Mapping[str, Any]) -> str:
    """The card of a model that was made elsewhere: what it is, and how it is asked and read."""
    origin, given, adapter = card["origin"], card["preprocessing"], card["adapter"]
    weights = "" if card["parameters"] is None else f", {card['parameters'] / 1e6:.2f} M parameters"
    colours = "grey" if given["channels"] == 1 else adapter["colours"].upper()
    shifted = "" if (adapter["mean"], adapter["std"]) == ([0.0], [1.0]) else (
        f", less {', '.join(f'{value:g}' for value in adapter['mean'])}, divided by "
        f"{', '.join(f'{value:g}' for value in adapter['std'])}"
    )  # fmt: skip
    lines = [
        f"# {card['name']}",
        "",
        card["intended_use"],
        "",
        f"- Made elsewhere: the file `{origin['file']}` ({origin['format']}{weights}; sha256 {origin['sha256'][:16]}…).",
        f"- Input: {given['size']}×{given['size']}, {colours}, scale `{given['scale']}`{shifted}. {card['crop']}",
        *(f"- Answers, in this order: {', '.join(head['labels'])}; as {adapter['answers']}." for head in card["heads"]),
        "- What it learned from, and how good it is, is not known here.",
    ]
    lines += [line for head in card["heads"] if "calibration" in head for line in ("", _calibrated_anew(head))]
    lines += [line for chosen in abstentions(card).values() for line in ("", _abstaining(chosen))]
    lines += ["", "## Limits", "", *(f"- {limit}" for limit in card["limits"])]
    lines += ["", f"Licence: {card['licence']}", ""]
    return "\n".join(lines)


def _calibrated_anew(head: Mapping[str, Any]) -> str:
    fitted = head["calibration"]
    return (
        f"The temperature of the head {head['name']} was fitted anew on {fitted['n']:,} images of {fitted['dataset']} "
        f"({fitted['split']}). There its NLL is {fitted['nll']:.3f} and its ECE {fitted['ece']:.3f}, each image under the "
        "temperature that others gave; those in the table are of the temperature before."
    )


def _abstaining(chosen: Mapping[str, Any]) -> str:
    interval = f"(95 % interval {percent_range(chosen['accuracy_ci95'])})"
    share = "none" if chosen["accuracy"] is None else f"{percent(chosen['accuracy'])} {interval}"
    return (
        f'Says "unsure" where the head {chosen["head"]} has less than {percent(chosen["threshold"])} confidence. Of '
        f"{chosen['n']:,} images of {chosen['dataset']} ({chosen['split']}) it answers {percent(chosen['coverage'])} and is "
        f"right in {share}; {percent(chosen['wished'], 0)} was wished for, and each image was judged by a threshold that "
        "others gave."
    )


def _describe_ablations(ablations: Mapping[str, Any]) -> list[str]:
    """What `benchmarks/ablations.py` measured, as a section of Markdown."""
    head, *rows = ablation_table(ablations)
    table = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    return ["## Ablations", "", ablations_in_words(ablations), "", *table]


def ablations_in_words(ablations: Mapping[str, Any]) -> str:
    """What a reader of the table must know."""
    size = ablations["size"]
    return (
        f"Networks trained for this table alone, one change at a time: the recipe `{ablations['recipe']}` without a teacher, "
        f"{ablations['epochs']} epochs of {size}×{size} pixels, one seed; judged on {ablations['n']:,} images of "
        f"{ablations['dataset']} ({ablations['split']}). What counts are the differences within a group, not the heights: these "
        "trainings are short, and what augmentation, a teacher and size give grows with the length of a training. A difference "
        "within the intervals may be chance. FER+ is its strict protocol: who learned from FER2013 alone knows no contempt, and "
        "errs there; who learned from FER+ alone answers for FER2013's classes with its eight, restricted to them. "
        "Milliseconds are of one face on one thread, of all networks in one go."
    )


def ablation_table(ablations: Mapping[str, Any]) -> list[list[str]]:
    """What `benchmarks/ablations.py` measured, as the cells of a table: its head, then the rows of each group.

    A network that several groups share stands in each of them.
    """
    head = ["what", "variant", "parameters", "multiply-adds", "ms", "accuracy", "95 % interval", "FER+", "95 % interval"]
    groups = dict.fromkeys(group for row in ablations["rows"] for group in row["groups"])
    return [head, *(_ablation_cells(group, row) for group in groups for row in ablations["rows"] if group in row["groups"])]


def _ablation_cells(group: str, row: Mapping[str, Any]) -> list[str]:
    cells = [group, row["groups"][group] + _serving(row["serving"])]
    cells += [f"{row['parameters'] / 1e6:.2f} M", f"{row['multiply_adds'] / 1e6:.0f} M", f"{row['milliseconds']:.2f}"]
    for figures in (row, row["ferplus"]):
        cells += [percent(figures["accuracy"]), percent_range(figures["accuracy_ci95"])]
    return cells
