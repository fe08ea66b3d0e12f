"""The command line, `python -m fer …`: parse, call the library, format. JSON with `--json`.

Exit codes: 0 all well; 1 it could not be done (the reason stands on stderr); 2 the command itself is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from fer import commands, data_commands
from fer.errors import FerError, SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
        return code
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except FerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `fer … | head`
        sys.stderr.close()
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fer", description="Facial expression recognition: look at data, train, evaluate, predict."
    )
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")

    data = verbs.add_parser("data", help="look at a dataset").add_subparsers(required=True, metavar="COMMAND")
    info = data.add_parser("info", help="splits, classes and counts of a dataset")
    info.add_argument("path", metavar="PATH", help="folder, ZIP, tar, CSV, 'synthetic[:N[:seed]]' or 'kaggle:owner/name'")
    info.add_argument("--ferplus", metavar="CSV", help="FER+ votes to join by the row number in the file names")
    _finish(info, data_commands.data_info)

    audit = data.add_parser("audit", help="search a dataset for duplicates, leaks, unusable images and wrong labels")
    audit.add_argument("path", metavar="PATH", help="as in `data info`")
    audit.add_argument("--ferplus", metavar="CSV", help="FER+ votes, to be held against the labels")
    _finish(audit, data_commands.data_audit)

    export = data.add_parser("export", help="write a dataset, cleaned or as it is, as class folders, CSV or Parquet")
    export.add_argument("path", metavar="PATH", help="as in `data info`")
    export.add_argument("target", metavar="TARGET", help="a new folder; for csv a new file")
    export.add_argument(
        "--format",
        choices=("folders", "csv", "parquet"),
        required=True,
        help="split/class/name.png; FER2013's official table, its rows numbered anew; or Parquet for Hugging Face datasets",
    )
    export.add_argument("--ferplus", metavar="CSV", help="FER+ votes to join, as in `data info`; parquet holds them too")
    export.add_argument("--cleaning", metavar="FILE", help="cleaning list that the data is seen through")
    export.add_argument(
        "--resplit", metavar="SHARES", help="draw train, val and test anew, such as 0.8,0.1,0.1; copies of an image stay together"
    )
    export.add_argument("--seed", metavar="N", type=int, default=0, help="of --resplit (default: 0)")
    export.add_argument("--resize", action="store_true", help="for csv: make every image grey and 48×48")
    export.add_argument("--overwrite", action="store_true", help="replace a file, or a folder that an export has made")
    _finish(export, data_commands.data_export)

    train = verbs.add_parser("train", help="train a recipe on a dataset, or resume a run")
    train.add_argument("--recipe", metavar="R", help="name of a recipe, or a .toml file")
    train.add_argument("--data", metavar="PATH", help="as in `data info`")
    train.add_argument("--ferplus", metavar="CSV", help="FER+ votes to join by the row number in the file names")
    train.add_argument("--cleaning", metavar="FILE", help="cleaning list that the data is seen through; the run keeps a copy")
    train.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides", help="change a setting (repeatable)"
    )
    train.add_argument("--run", metavar="DIR", help="folder of the run; default: a new one in the workspace")
    train.add_argument("--estimate", action="store_true", help="train two batches only: say what an epoch takes, and memory")
    train.add_argument("--resume", metavar="DIR", help="go on with a run, by its folder or id")
    _finish(train, commands.train)

    runs = verbs.add_parser("runs", help="list the training runs of the workspace")
    _finish(runs, commands.runs)

    evaluate = verbs.add_parser("evaluate", help="measure a model on a dataset")
    evaluate.add_argument("--model", metavar="NAME", help="name or folder of a bundle; default: the default model")
    evaluate.add_argument("--data", metavar="PATH", required=True, help="as in `data info`")
    evaluate.add_argument(
        "--split", choices=("train", "val", "test", "all"), help="default: test where there is one, else val, else all"
    )
    evaluate.add_argument("--ferplus", metavar="CSV", help="FER+ votes: adds the figure under the strict FER+ protocol")
    evaluate.add_argument("--cleaning", metavar="FILE", help="cleaning list that the data is seen through")
    evaluate.add_argument(
        "--head", metavar="NAME", help="which head of the model answers; default: the one that fits the data's classes"
    )
    evaluate.add_argument(
        "--save",
        metavar="DIR",
        nargs="?",
        const="",
        help="keep the report in the workspace, for the Evaluate page, or in a new folder DIR",
    )
    evaluate.add_argument(
        "--robustness",
        action="store_true",
        help="also measure accuracy under blur, noise, bad light, JPEG, occlusion, roll, shift, scale and few pixels: "
        "takes 13 times as long",
    )
    _finish(evaluate, commands.evaluate)

    predict = verbs.add_parser("predict", help="find the faces of pictures and read their expressions")
    predict.add_argument("images", metavar="IMAGE", nargs="+")
    predict.add_argument("--model", metavar="NAME", help="name or folder of a bundle; default: the default model")
    predict.add_argument("--head", metavar="NAME", help="`labels` (FER2013's classes) or `votes` (FER+'s eight)")
    predict.add_argument("--detector", metavar="NAME", default="auto", help="yunet, haar or mtcnn; default: the best there is")
    predict.add_argument("--no-detect", action="store_true", help="the pictures are faces already: take each as a whole")
    _finish(predict, commands.predict)

    bundle = verbs.add_parser("bundle", help="make a model of a finished run")
    bundle.add_argument("run", metavar="RUN", help="folder or id of the run")
    bundle.add_argument("name", metavar="NAME", help="name of the model")
    bundle.add_argument("--data", metavar="PATH", help="where the run's data is now, if it was moved")
    bundle.add_argument("--ferplus", metavar="CSV", help="where its FER+ votes are now, if they were moved")
    bundle.add_argument("--robustness", action="store_true", help="measure it on corrupted images, too (a minute on FER2013)")
    _finish(bundle, commands.bundle)

    models = verbs.add_parser("models", help="list the models there are")
    _finish(models, commands.models)

    detectors = verbs.add_parser("detectors", help="list the face detectors, or fetch one")
    detectors.add_argument("--fetch", choices=("yunet",), help="download the detector's file, checked against its pinned hash")
    _finish(detectors, commands.detectors)
    return parser


def _finish(parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)
