"""The commands about models: list, make, choose, rename, delete, pack, take in, export. Parsed by `cli.py`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fer.errors import FerError
from fer.terminal import print_json, print_table, progress_bar


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
            head["name"]: {"labels": head["labels"], "accuracy": head["validation"]["accuracy"]} for head in bundle.card["heads"]
        }
        rows.append(
            {
                "name": name,
                "recipe": bundle.card["recipe"],
                "data": bundle.card["data"]["name"],
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
            accuracy = ", ".join(f"{len(head['labels'])} classes {head['accuracy']:.1%}" for head in row["heads"].values())
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
        f"{agreement['largest_difference']:.1g}; {agreement['same_answer']:.1%} of the answers are the same."
    )
    return 0
