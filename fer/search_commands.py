"""What the command `search` of `fer/cli.py` does: call the library, print the answer, return the exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from fer.errors import RunError, SettingsError
from fer.terminal import print_json, print_table, progress_bar
from fer.words import percent

if TYPE_CHECKING:
    from fer.training.search import Search


def search(options: argparse.Namespace) -> int:
    from fer.training.search_worker import run_search

    found = _made_or_opened(options)
    # With --json, stdout is for the answer alone, and what is said on the way goes to stderr.
    if found.status != "finished":
        with redirect_stdout(sys.stderr if options.json else sys.stdout):
            print(f"Search {found.path}, {found.trials} trials", flush=True)
            run_search(found, say=lambda words: print(words, flush=True))
    rows = found.rows()
    best = found.best(rows)
    if options.save and best:
        _save(found, best.settings, Path(options.save))
    if options.json:
        answer = {"name": found.id, "path": str(found.path), "status": found.status, "reason": found.reason}
        command = found.train_command(best.settings) if best else None
        trials = [row.as_dict() for row in rows]
        return print_json({**answer, "trials": trials, "best": best.as_dict() if best else None, "command": command})
    print(f"{found.status}. {found.reason}".strip())
    names = [varied.key for varied in found.space]
    print_table(
        ["trial", "state", "epochs", "val accuracy", *(name.partition(".")[2] for name in names)],
        [
            [str(row.number), row.state, str(row.epochs), "" if row.accuracy is None else percent(row.accuracy)]
            + [row.settings.get(name, "") for name in names]
            for row in rows
        ],
    )
    if best:
        print(f"\nBest: trial {best.number}. To train with its settings:\n{found.train_command(best.settings)}")
        print(f"Or make a model of it: python -m fer bundle {best.run_id} NAME")
    return 0


def _made_or_opened(options: argparse.Namespace) -> Search:
    from fer.quality.cleaning import read_cleaned
    from fer.recipes import load_recipe, read_overrides
    from fer.training.prepare import choose_data
    from fer.training.search import TRIALS, create_search, open_search

    if options.resume:
        named = (options.recipe, options.data, options.ferplus, options.cleaning, options.overrides, options.vary, options.name)
        if any(named):
            raise SettingsError(
                "--resume goes on with what the search was started with; it takes no other options but --trials and --save."
            )
        found = open_search(options.resume)
        if options.trials is not None and options.trials != found.trials:
            found.extend(options.trials)
        return found
    if not (options.recipe and options.data):
        raise SettingsError("A search needs --recipe and --data, or --resume.")
    overrides = read_overrides(options.overrides)
    recipe = load_recipe(options.recipe)
    # Read before a folder is made, so that data that does not serve leaves nothing behind; the reading is cached for the trials.
    dataset, cleaned = read_cleaned(options.data, options.cleaning, ferplus=options.ferplus, progress=progress_bar())
    if cleaned:
        print(cleaned, file=sys.stderr)
    choose_data(dataset, recipe.with_overrides(overrides).settings)
    return create_search(
        recipe,
        options.data,
        overrides=overrides,
        vary=options.vary,
        trials=TRIALS if options.trials is None else options.trials,
        ferplus=options.ferplus,
        cleaning=options.cleaning,
        name=options.name,
    )


def _save(found: Search, settings: Mapping[str, str], path: Path) -> None:
    from fer.recipes import recipe_toml

    try:
        path.write_text(recipe_toml(found.recipe_with(settings)), encoding="utf-8")
    except OSError as error:
        raise RunError(f"Cannot write {path}: {error.strerror or error}.") from error
    print(f"Recipe kept at {path}", file=sys.stderr)
