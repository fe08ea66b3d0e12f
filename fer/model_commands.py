"""The commands about models: list, make, choose, rename, delete, pack, take in, export. Parsed by `cli.py`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fer.errors import FerError, SettingsError
from fer.terminal import print_json, print_table, progress_bar
from fer.words import percent


def bundle(options: argparse.Namespace) -> int:
    from fer.bundling import create_bundle
    from fer.training import open_run

    bundle = create_bundle(
        open_run(options.run),
        options.name,
        data=options.data,
        ferplus=options.ferplus,
        robustness=options.robustness,
        progress=progress_bar(),
    )
    if options.json:
        return print_json({"name": bundle.name, "path": str(bundle.path), "sha256": bundle.sha256})
    print(f"Model {bundle.name} at {bundle.path}")
    return 0


def models(options: argparse.Namespace) -> int:
    from fer.bundles import list_bundles, load_bundle

    rows: list[dict[str, Any]] = []
    for name in list_bundles():
        try:
            bundle = load_bundle(name)
        except FerError as error:
            rows.append({"name": name, "error": str(error)})
            continue
        heads = {
            head["name"]: {"labels": head["labels"], "accuracy": head.get("validation", {}).get("accuracy")}
            for head in bundle.card["heads"]
        }
        rows.append(
            {
                "name": name,
                "recipe": "made elsewhere" if bundle.is_foreign else bundle.card["recipe"],
                "data": "not known" if bundle.is_foreign else bundle.card["data"]["name"],
                "heads": heads,
                "sha256": bundle.sha256,
            }
        )
    if options.json:
        return print_json(rows)
    table = []
    for row in rows:
        if "error" in row:
            table.append([row["name"], "damaged", "", row["error"]])
        else:
            accuracy = ", ".join(
                f"{len(head['labels'])} classes" + ("" if head["accuracy"] is None else f" {percent(head['accuracy'])}")
                for head in row["heads"].values()
            )
            table.append([row["name"], row["recipe"], row["data"], accuracy])
    print_table(["model", "recipe", "data", "accuracy on validation"], table)
    return 0


def choose(options: argparse.Namespace) -> int:
    from fer.model_folder import set_default_model

    set_default_model(options.model)
    print(f"{options.model} answers where no model is named.")
    return 0


def rename(options: argparse.Namespace) -> int:
    from fer.model_folder import rename_bundle

    bundle = rename_bundle(options.model, options.name)
    print(f"Model {bundle.name} at {bundle.path}")
    return 0


def renew(options: argparse.Namespace) -> int:
    from fer.bundles import load_bundle
    from fer.renewing import renew_bundle

    bundle = renew_bundle(load_bundle(options.model))
    print(f"Model {bundle.name} at {bundle.path}")
    return 0


def delete(options: argparse.Namespace) -> int:
    from fer.model_folder import delete_bundle

    delete_bundle(options.model)
    print(f"{options.model} is deleted.")
    return 0


def pack(options: argparse.Namespace) -> int:
    from fer.bundles import load_bundle
    from fer.model_folder import pack_bundle

    print(pack_bundle(load_bundle(options.model), Path(options.file)))
    return 0


def take_in(options: argparse.Namespace) -> int:
    from fer.model_folder import import_bundle

    bundle = import_bundle(Path(options.file), options.name)
    print(f"Model {bundle.name} at {bundle.path}")
    return 0


def inspect(options: argparse.Namespace) -> int:
    import tempfile

    from fer.foreign.prepare import limit_memory, prepare_network

    limit_memory()
    with tempfile.TemporaryDirectory() as work:
        facts = prepare_network(options.file, Path(options.to or Path(work) / "network"))
    if options.json:
        return print_json(facts.as_dict())
    side = "any size" if facts.size is None else f"{facts.size}×{facts.size}"
    print(f"{facts.file}: {facts.format}, takes {side}, {'grey' if facts.channels == 1 else 'colour'} ({facts.layout})")
    for name, width in facts.outputs.items():
        print(f"output {name}: {width} {'number' if width == 1 else 'numbers'}, which look like {facts.answers[name]}")
    return 0


def adopt(options: argparse.Namespace) -> int:
    import tempfile

    from fer.foreign.adopt import INPUTS, Reading, adopt_network
    from fer.foreign.prepare import limit_memory, prepare_network

    limit_memory()
    scale, mean, std, colours = INPUTS.get(options.scale, (options.scale, (0.0,), (1.0,), "rgb"))
    reading = Reading(
        labels=[label.strip() for label in options.labels.split(",")],
        scale=scale,
        size=options.size,
        equalise=options.equalise,
        colours="bgr" if options.bgr else colours,
        mean=_numbers("--mean", options.mean) or mean,
        std=_numbers("--std", options.std) or std,
        output=options.output,
        answers=options.answers,
    )
    with tempfile.TemporaryDirectory() as work:
        prepared = Path(work) / "network"
        facts = prepare_network(options.file, prepared)
        if options.channels not in (None, facts.channels):
            raise SettingsError(f"{facts.file} takes {facts.channels} channels. Received: --channels {options.channels}")
        bundle = adopt_network(prepared, options.name or Path(options.file).stem, reading)
    if options.json:
        return print_json({"name": bundle.name, "path": str(bundle.path), "sha256": bundle.sha256, "facts": facts.as_dict()})
    print(f"Model {bundle.name} at {bundle.path}")
    print(f"See how it does: python -m fer evaluate --model {bundle.name} --data PATH")
    return 0


def _numbers(option: str, text: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise SettingsError(
            f"{option} takes numbers with commas between, such as 0.485,0.456,0.406. Received: {text!r}"
        ) from None


def export(options: argparse.Namespace) -> int:
    from fer.bundles import default_model, load_bundle
    from fer.data import read_dataset
    from fer.exporting import FORMATS, export_bundle

    bundle = load_bundle(options.model or default_model())
    card = export_bundle(bundle, options.format, options.to, read_dataset(options.data), progress=progress_bar())
    if options.json:
        return print_json(card)
    agreement = card["agreement"]
    print(f"{bundle.name} as {FORMATS[options.format].title}: {Path(options.to) / card['file']}")
    print(
        f"On {agreement['faces']} faces of {agreement['dataset']} no probability differs by more than "
        f"{agreement['largest_difference']:.1g}; {percent(agreement['same_answer'])} of the answers are the same."
    )
    return 0
