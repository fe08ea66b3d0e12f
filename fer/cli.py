"""The command line, `python -m fer …`: parse, call the library, format. JSON with `--json`.

Exit codes: 0 all well; 1 it could not be done (the reason stands on stderr); 2 the command itself is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from fer import (
    clip_commands,
    commands,
    data_commands,
    evaluation_commands,
    model_commands,
    predict_commands,
    report_commands,
    search_commands,
    serve_commands,
)
from fer.bundles import EXPORT_FORMATS
from fer.detection import MIN_FACE_SIZE
from fer.errors import FerError, SettingsError
from fer.foreign.adapter import ANSWERS, PACKAGES
from fer.preprocessing import EQUALISATIONS


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
    train.add_argument(
        "--recipe", metavar="R", help="name of a recipe, or a .toml file; else one that suits the size of the data"
    )
    train.add_argument("--data", metavar="PATH", help="as in `data info`")
    train.add_argument("--ferplus", metavar="CSV", help="FER+ votes to join by the row number in the file names")
    train.add_argument("--cleaning", metavar="FILE", help="cleaning list that the data is seen through; the run keeps a copy")
    train.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides", help="change a setting (repeatable)"
    )
    train.add_argument("--run", metavar="DIR", help="folder of the run; default: a new one in the workspace")
    train.add_argument("--estimate", action="store_true", help="train two batches only: say what an epoch takes, and memory")
    train.add_argument("--resume", metavar="DIR", help="go on with a run, by its folder or id")
    train.add_argument(
        "--queue", action="store_true", help="do not wait for it: it trains in the background, after the runs of the workspace"
    )
    _finish(train, commands.train)

    search = verbs.add_parser("search", help="search for better settings of a recipe, by training it again and again")
    search.add_argument("--recipe", metavar="R", help="name of a recipe, or a .toml file")
    search.add_argument("--data", metavar="PATH", help="as in `data info`")
    search.add_argument("--ferplus", metavar="CSV", help="FER+ votes to join by the row number in the file names")
    search.add_argument("--cleaning", metavar="FILE", help="cleaning list that the data is seen through; the search keeps a copy")
    search.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides", help="set for all trials (repeatable)"
    )
    search.add_argument(
        "--vary",
        metavar="KEY=RANGE",
        action="append",
        default=[],
        help="vary a setting: learning_rate=1e-4..1e-2:log, dropout=0..0.5 or batch_size=32,64,128 (repeatable; default: what "
        "usually matters for the recipe)",
    )
    search.add_argument("--trials", metavar="N", type=int, help="trainings in all (default: 20); with --resume, more of them")
    search.add_argument("--name", metavar="NAME", help="of the search (default: of recipe and time)")
    search.add_argument("--resume", metavar="NAME", help="go on with a search, by its name or folder")
    search.add_argument("--save", metavar="FILE.toml", help="keep the best settings as a recipe")
    _finish(search, search_commands.search)

    runs = verbs.add_parser("runs", help="list the training runs of the workspace, and those that wait")
    _finish(runs, commands.runs)

    evaluate = verbs.add_parser("evaluate", help="measure a model on a dataset")
    evaluate.add_argument("--model", metavar="NAME", help="name or folder of a bundle; default: the default model")
    evaluate.add_argument("--package", choices=PACKAGES, help="instead of a model, an installed package of somebody else's")
    evaluate.add_argument("--data", metavar="PATH", help="as in `data info`")
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
    evaluate.add_argument("--slices", action="store_true", help="also cut the images by brightness, contrast, sharpness and size")
    evaluate.add_argument("--table", metavar="CSV", help="also cut them by the columns of a table of yours, a row an image")
    _add_report_files(evaluate)
    evaluate.add_argument("--job", metavar="DIR", help=argparse.SUPPRESS)  # what an evaluation starts
    _finish(evaluate, commands.evaluate)

    report = verbs.add_parser("report", help="show a report that was kept, or write it down")
    report.add_argument("report", metavar="REPORT", help="its folder, or the folder's name in the workspace")
    _add_report_files(report)
    _finish(report, report_commands.report)

    _add_predict(verbs)

    _add_clip(verbs)

    calibrate = verbs.add_parser("calibrate", help="fit a model's temperature, and choose below which confidence it is unsure")
    calibrate.add_argument("model", metavar="MODEL", help="name or folder of a bundle")
    calibrate.add_argument("--data", metavar="PATH", required=True, help="as in `data info`; not what the model learned from")
    calibrate.add_argument("--ferplus", metavar="CSV", help="FER+ votes: what most taggers chose is the truth")
    calibrate.add_argument("--cleaning", metavar="FILE", help="cleaning list that the data is seen through")
    calibrate.add_argument("--split", choices=("val", "test", "all"), help="default: val where there is one, else test, else all")
    calibrate.add_argument("--head", metavar="NAME", help="which head; default: the one that fits the data's classes")
    calibrate.add_argument(
        "--accuracy", metavar="SHARE", type=float, default=0.9, help="that answers should have which are given (default: 0.9)"
    )
    calibrate.add_argument("--apply", action="store_true", help="keep both in the model; prediction then says 'unsure'")
    _finish(calibrate, evaluation_commands.calibrate)

    _add_models(verbs)

    _add_serve(verbs)

    detectors = verbs.add_parser("detectors", help="list the face detectors, or fetch one")
    detectors.add_argument(
        "--fetch",
        choices=("yunet", "mtcnn"),
        help="yunet: download its file, checked against its pinned hash; mtcnn: prepare the networks of its package, offline",
    )
    _finish(detectors, commands.detectors)
    return parser


def _add_predict(verbs: Any) -> None:
    predict = verbs.add_parser("predict", help="find the faces of pictures and read their expressions")
    predict.add_argument("images", metavar="PICTURE", nargs="*", help="pictures, or a folder, ZIP or tar of them; - is stdin")
    predict.add_argument("--model", metavar="NAME", help="name or folder of a bundle; default: the default model")
    predict.add_argument("--head", metavar="NAME", help="`labels` (FER2013's classes) or `votes` (FER+'s eight)")
    predict.add_argument("--detector", metavar="NAME", default="auto", help="yunet, haar or mtcnn; default: the best there is")
    predict.add_argument(
        "--min-size", metavar="N", type=int, default=MIN_FACE_SIZE, help=f"narrowest face in pixels (default: {MIN_FACE_SIZE})"
    )
    predict.add_argument(
        "--unsure-below",
        metavar="SHARE",
        type=float,
        help="say 'unsure' of answers of less confidence, such as 0.5; default: the threshold that `calibrate` gave the model",
    )
    predict.add_argument("--no-detect", action="store_true", help="the pictures are faces already: take each as a whole")
    predict.add_argument(
        "--out",
        metavar="FILE",
        help="annotated picture, or a folder for several (default: PICTURE-annotated.png beside each); - is stdout; or a table, "
        ".csv or .parquet, which a folder needs: stopped, the same command goes on",
    )
    predict.add_argument("--overwrite", action="store_true", help="replace a table that is there")
    predict.add_argument("--blur", action="store_true", help="make the faces of annotated pictures unrecognisable")
    predict.add_argument(
        "--explain", action="store_true", help="show where in each face its answer was seen, and say whether that can be believed"
    )
    predict.add_argument(
        "--explain-by", metavar="METHOD", help="cam, occlusion or grad-cam; default: cam, or occlusion where the model has none"
    )
    predict.add_argument("--show", action="store_true", help="open the annotated picture in the system's viewer")
    predict.add_argument("--job", metavar="DIR", help=argparse.SUPPRESS)  # what the page starts
    _finish(predict, predict_commands.predict)


def _add_serve(verbs: Any) -> None:
    serve = verbs.add_parser("serve", help="serve the HTTP API, without the pages; FER_API_… variables set the rest")
    serve.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="where to listen (default: this machine only)")
    serve.add_argument("--port", metavar="N", type=int, default=8000, help="default: 8000; 0 takes a free one")
    serve.add_argument("--model", metavar="NAME", help="name or folder of the bundle that answers where none is asked for")
    serve.add_argument("--detector", metavar="NAME", help="yunet, haar or mtcnn; default: the best there is")
    serve.add_argument("--api-key-file", metavar="FILE", help="file with the key that clients have to show")
    _finish(serve, serve_commands.serve)


def _add_clip(verbs: Any) -> None:
    clip = verbs.add_parser("clip", help="read the expressions of everybody in a clip, over time")
    clip.add_argument("file", metavar="FILE", nargs="?", help="MP4, MOV, WebM or MKV")
    clip.add_argument("--rate", metavar="N", type=float, help="frames read a second (default: 10); 120 reads every one")
    clip.add_argument("--smooth", metavar="S", type=float, help="time constant of the smoothing in seconds (default: 0.3)")
    clip.add_argument("--model", metavar="NAME", help="name or folder of a bundle; default: the default model")
    clip.add_argument("--head", metavar="NAME", help="`labels` (FER2013's classes) or `votes` (FER+'s eight)")
    clip.add_argument("--detector", metavar="NAME", default="auto", help="yunet, haar or mtcnn; default: the best there is")
    clip.add_argument("--csv", metavar="FILE", help="write a row a person and frame, with its time")
    clip.add_argument("--vtt", metavar="FILE", help="write subtitles (WebVTT) that players show over the clip")
    clip.add_argument("--video", metavar="FILE.mp4", help="write the clip with every face marked")
    clip.add_argument("--job", metavar="DIR", help=argparse.SUPPRESS)  # what the page and the API start
    _finish(clip, clip_commands.clip)


def _add_models(verbs: Any) -> None:
    """The commands that make models, and change which there are."""
    bundle = verbs.add_parser("bundle", help="make a model of a finished run")
    bundle.add_argument("run", metavar="RUN", help="folder or id of the run")
    bundle.add_argument("name", metavar="NAME", help="name of the model")
    bundle.add_argument("--data", metavar="PATH", help="where the run's data is now, if it was moved")
    bundle.add_argument("--ferplus", metavar="CSV", help="where its FER+ votes are now, if they were moved")
    bundle.add_argument("--robustness", action="store_true", help="measure it on corrupted images, too (a minute on FER2013)")
    _finish(bundle, model_commands.bundle)

    export = verbs.add_parser(
        "export", help="write a model for another runtime, and hold its answers there against the original's"
    )
    export.add_argument("model", metavar="MODEL", nargs="?", help="name or folder of a bundle; default: the default model")
    export.add_argument("--format", choices=EXPORT_FORMATS, required=True, help="what the network is written as")
    export.add_argument(
        "--to", metavar="DIR", required=True, help="a new folder: the network, its card and a program that runs it"
    )
    export.add_argument("--data", metavar="PATH", default="synthetic:64", help="faces to compare answers on, as in `data info`")
    _finish(export, model_commands.export)

    models = verbs.add_parser("models", help="list the models there are, or change which")
    _finish(models, model_commands.models)
    changes = models.add_subparsers(metavar="COMMAND")
    for name, told, command, arguments in (
        ("default", "let a model answer where none is named", model_commands.choose, ["model"]),
        ("rename", "give a model another name", model_commands.rename, ["model", "name"]),
        ("renew", "make the file that answers again of the Keras weights", model_commands.renew, ["model"]),
        ("delete", "remove a model for good", model_commands.delete, ["model"]),
        ("pack", "write a model as one ZIP file", model_commands.pack, ["model", "file"]),
        ("import", "take in a model from such a file", model_commands.take_in, ["file"]),
    ):
        change = changes.add_parser(name, help=told)
        for argument in arguments:
            change.add_argument(argument, metavar=argument.upper())
        if name == "import":
            change.add_argument(
                "--name", metavar="NAME", help="under which it stands here; default: the one that it brings along"
            )
        change.set_defaults(command=command)
    _add_foreign(changes)


def _add_foreign(changes: Any) -> None:
    """The commands about models that were made elsewhere."""
    inspect = changes.add_parser("inspect", help="say what a model file from elsewhere takes and answers, without trusting it")
    inspect.add_argument("file", metavar="FILE", help="Keras (.keras, .h5), TensorFlow Lite or ONNX")
    inspect.add_argument("--to", metavar="DIR", help="keep the network as it is run here, and what was found, in a new folder")
    _finish(inspect, model_commands.inspect)

    adopt = changes.add_parser("adopt", help="take in a model file from elsewhere")
    adopt.add_argument("file", metavar="FILE", help="Keras (.keras, .h5), TensorFlow Lite or ONNX")
    adopt.add_argument("--labels", metavar="A,B,…", required=True, help="a name for each number that it answers, in their order")
    adopt.add_argument("--name", metavar="NAME", help="of the model; default: the file's")
    adopt.add_argument(
        "--scale",
        choices=("unit", "signed", "raw", "standard", "torch", "caffe"),
        default="unit",
        help="pixels from 0 to 1 (the default), -1 to 1, 0 to 255, -2 to 2, or as ImageNet's models take them",
    )
    adopt.add_argument("--size", metavar="N", type=int, help="side of its pictures; default: what the file says")
    adopt.add_argument("--channels", type=int, choices=(1, 3), help="refuse a file that takes another number")
    adopt.add_argument("--equalise", choices=EQUALISATIONS, default="none", help="of the pictures' brightness (default: none)")
    adopt.add_argument("--bgr", action="store_true", help="blue first, as OpenCV reads pictures")
    adopt.add_argument("--mean", metavar="A[,B,C]", help="subtracted after scaling, for all channels or for each")
    adopt.add_argument("--std", metavar="A[,B,C]", help="what the rest is divided by")
    adopt.add_argument("--output", metavar="NAME", help="which answers; default: the one whose width fits the labels")
    adopt.add_argument("--answers", choices=ANSWERS, help="default: what they look like")
    _finish(adopt, model_commands.adopt)


def _add_report_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--html", metavar="FILE", help="write the report as one HTML file that needs nothing else")
    parser.add_argument("--markdown", metavar="FILE", help="write the report as Markdown")


def _finish(parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)
