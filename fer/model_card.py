"""The card of a model: what stands in it beside the figures, and how a person reads it.

`fer/bundling.py` measures and writes it; nothing here opens Keras or LiteRT.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fer.evaluation.robustness import describe_robustness
from fer.training.history import best_row
from fer.training.run import Run

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


def training_card(run: Run) -> dict[str, Any]:
    """How it went: epochs, the one that was chosen, hours, and a row an epoch."""
    rows = run.epoch_rows()
    chosen = best_row(rows, run.settings.training.monitor)
    return {
        "epochs": len(rows),
        "chosen_epoch": chosen["epoch"],
        "chosen_by": run.settings.training.monitor,
        "hours": round(sum(row["seconds"] for row in rows) / 3600, 2),
        "history": [{key: round(value, 5) for key, value in row.items()} for row in rows],
    }


def reproduce_commands(run: Run, name: str) -> list[str]:
    """The commands that made it, without the paths of the machine where it was made."""
    from fer.recipes import list_recipes

    request = run.request
    shipped = {recipe.name: recipe.settings.as_dict() for recipe in list_recipes()}.get(run.recipe_name)
    data = request["data"] if ":" in request["data"] or request["data"] == "synthetic" else Path(request["data"]).name
    # A recipe of the user's own is a file that only they have; the card's `settings` say all that stood in it.
    recipe = f"{run.recipe_name}.toml" if shipped is None else run.recipe_name
    command = f"python -m fer train --recipe {recipe} --data {data}"
    if request["ferplus"]:
        command += f" --ferplus {Path(request['ferplus']).name}"
    for section, values in run.settings.as_dict().items():
        for key, value in values.items():
            if shipped is not None and _setting_text(value) != _setting_text(shipped[section].get(key)):
                command += f" --set {section}.{key}={_setting_text(value)}"
    return [f"{command} --run RUN", f"python -m fer bundle RUN {name}"]


def _setting_text(value: Any) -> str:
    """A setting's value as `--set` reads it."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _serving(settings: dict[str, Any]) -> str:
    """How the served network differs from the trained one, in words to stand behind its size."""
    mirror = ", its mirror image included" if settings["serving"]["mirror"] else ""
    return f"{mirror}, in 8-bit integers" if settings["serving"]["weights"] == "int8" else mirror


def describe_card(card: dict[str, Any]) -> str:
    """The card for people, Markdown."""
    data, training, environment, size = card["data"], card["training"], card["environment"], card["preprocessing"]["size"]
    counts = ", ".join(f"{sum(by_label.values()):,} {split or 'unsplit'}" for split, by_label in data["counts"].items())
    lines = [
        f"# {card['name']}",
        "",
        card["intended_use"],
        "",
        f"- Recipe `{card['recipe']}`: {card['parameters'] / 1e6:.2f} M parameters, "
        f"{card['multiply_adds'] / 1e6:.0f} M multiply-adds a face{_serving(card['settings'])}.",
        f"- Input: {size}×{size}, {'grey' if card['preprocessing']['channels'] == 1 else 'RGB'}. {card['crop']}",
        f"- Learned from {data['name']} ({counts} images, after {data['leaks_removed']} training images that stand in "
        "validation or test as well were left out).",
        f"- {training['epochs']} epochs, {training['hours']} hours on {environment['processors']} processors "
        f"({environment['precision']}); epoch {training['chosen_epoch']} chosen by {training['chosen_by']}.",
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
        low, high = figures["accuracy_ci95"]
        lines.append(
            f"| {head['name']} | {', '.join(head['labels'])} | {figures['protocol']} | {figures['n']:,} "
            f"| {figures['accuracy']:.1%} ({low:.1%} to {high:.1%}) | {figures['nll']:.3f} | {figures['ece']:.3f} "
            f"| {format(figures['kl_to_votes'], '.3f') if 'kl_to_votes' in figures else '–'} |"
        )
    if "face" in card:
        test = card["face"]["validation"]
        lines += [
            "",
            f'Answers "not a face" to {test["rejects_refused"]:.1%} of {test["rejects"]:,} pictures without a face '
            f"(drawn, and those that FER+ marks), and to {test['faces_refused']:.1%} of {test['faces']:,} faces.",
        ]
    if "robustness" in card:
        lines += ["", *describe_robustness(card["robustness"])]
    lines += ["", "## Limits", "", *(f"- {limit}" for limit in card["limits"])]
    lines += ["", "## Made with", "", "```", *card["reproduce"], "```", "", card["licence"], ""]
    return "\n".join(lines)
