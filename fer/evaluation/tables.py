"""A report as rows of plain text: what its HTML and its Markdown share, so that the two cannot tell different things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fer.bundles import Bundle, load_bundle
from fer.errors import BundleError
from fer.evaluation.report import Report
from fer.evaluation.taggers import TAGGERS
from fer.words import percent, percent_range

# How the figures are to be read, whatever they are.
READING = (
    "The model reads the apparent expression of faces: what a face shows, not what a person feels, thinks or intends. "
    "“Right” means that its answer is the label which people gave the picture.",
    "The figures hold for pictures like these. Other cameras, light, ages, skin tones and cultures may give others.",
    "A 95 % interval says how far chance may have moved a figure; it knows nothing of wrong labels, nor of other pictures.",
)
NO_FACES = (
    "There is no picture of a face in this file, and no answer for a single image: it can be passed on without showing anybody."
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure in words: `Accuracy`, `69.7 %`, `68.2 % to 71.2 %`, and what it means; the interval may be empty."""

    name: str
    value: str
    interval: str
    meaning: str


def title_of(report: Report) -> str:
    """`flagship on fer2013, all images`."""
    return f"{report.model} on {report.dataset}, {'all images' if report.split == 'all' else f'{report.split} part'}"


def finding_of(report: Report) -> str:
    """The one sentence that a reader should take along."""
    return (
        f"Of {report.n:,} images, {percent(report.accuracy)} are answered rightly (95 % interval {_ends(report.accuracy_ci95)}); "
        f"always answering {report.majority_label} would give {percent(report.majority_accuracy)}."
    )


def headline_figures(report: Report) -> list[Figure]:
    """The few that come first."""
    figures = {figure.name: figure for figure in figure_rows(report)}
    wanted = ("Accuracy", "FER+ accuracy", "Balanced accuracy", "Macro F1", "Calibration error")
    return [figures[name] for name in wanted if name in figures]


def figure_rows(report: Report) -> list[Figure]:
    """Every figure that is one number."""
    return list(_figures(report))


def _figures(report: Report) -> Iterator[Figure]:
    interval = report.bootstrap_ci95
    yield Figure("Accuracy", percent(report.accuracy), _ends(report.accuracy_ci95), "share of right answers")
    if report.leaks and report.accuracy_leak_free is not None:
        meaning = f"without the {report.leaks:,} images that stand in train as well, pixel for pixel"
        yield Figure("Accuracy without leaks", percent(report.accuracy_leak_free), "", meaning)
    if report.ferplus:
        meaning = f"strict protocol: the {report.ferplus.n:,} images on which more than half of the taggers agree"
        yield Figure("FER+ accuracy", percent(report.ferplus.accuracy), _ends(report.ferplus.accuracy_ci95), meaning)
        meaning = "mean divergence of the probabilities from how the taggers voted"
        yield Figure("KL to the votes", f"{report.ferplus.kl:.3f}", "", meaning)
    if len(report.labels) > 2:
        meaning = "the true class is among the two most probable"
        yield Figure("Top-2 accuracy", percent(report.top2_accuracy), _ends(report.top2_accuracy_ci95), meaning)
    balanced = interval["balanced_accuracy"]
    yield Figure(
        "Balanced accuracy", percent(report.balanced_accuracy), _ends(balanced), "mean recall: every class counts the same"
    )
    yield Figure(
        "Macro F1", percent(report.macro_f1), _ends(interval["macro_f1"]), "precision and recall joined, mean over classes"
    )
    yield Figure("Cohen's kappa", f"{report.kappa:.3f}", _ends(interval["kappa"], "{:.3f}"), "agreement beyond chance; 1 is all")
    yield Figure("MCC", f"{report.mcc:.3f}", _ends(interval["mcc"], "{:.3f}"), "correlation of truth and answers; 1 is all")
    yield Figure("Calibration error", percent(report.ece), "", "how far confidence is from being right, on average (15 bins)")
    yield Figure("Log loss", f"{report.nll:.3f}", "", "negative log-likelihood; lower is better")
    yield Figure("Brier score", f"{report.brier:.3f}", "", "0 is best, 2 is worst")
    yield Figure("Area under risk-coverage", f"{report.aurc:.3f}", "", "mean share of mistakes when only the surest are answered")
    yield Figure(
        "Always the largest class", percent(report.majority_accuracy), "", f"what answering {report.majority_label} would give"
    )


def class_rows(report: Report) -> list[list[str]]:
    """The classification report as the cells of a table: its head, the classes, their means."""
    rows = [["class", "precision", "recall", "95 % interval", "F1", "AUC", "average precision", "images", "answered"]]
    for row in report.per_class:
        low, high = row["recall_ci95"]
        shares = (row["precision"], row["recall"], row["f1"])
        precision, recall, f1 = (f"{share:.3f}" for share in shares)
        areas = ("–" if area is None else f"{area:.3f}" for area in (row["auc"], row["average_precision"]))
        images, answered = f"{row['support']:,}", f"{row['predicted']:,}"
        rows.append([row["label"], precision, recall, f"{low:.3f} to {high:.3f}", f1, *areas, images, answered])
    for mean in ("macro", "weighted"):
        precision, recall, f1 = (f"{getattr(report, f'{mean}_{name}'):.3f}" for name in ("precision", "recall", "f1"))
        rows.append([f"{mean} mean", precision, recall, "", f1, "", "", f"{report.n:,}", f"{report.n:,}"])
    return rows


def mistake_words(report: Report, most: int = 10) -> list[str]:
    """The most confused pairs in words."""
    return [
        f"{pair['true']} is taken for {pair['predicted']} {pair['count']:,} times, in {percent(pair['share'])} of its images"
        for pair in report.most_confused[:most]
    ]


def vote_words(report: Report) -> list[str]:
    """The model beside FER+'s taggers, in sentences; none where there are no votes."""
    if report.taggers is None:
        return []
    rows = ", ".join(f"{percent(row.accuracy)} where {row.words} do (n = {row.n:,})" for row in report.taggers.agreement)
    words = [f"By how many of {TAGGERS} taggers agree on an image, the model is right in {rows}."]
    if human := report.taggers.human:
        low, high = human.difference_ci95
        words.append(
            f"Held against what most of the other taggers chose, a single tagger is right in {percent(human.tagger)} and the "
            f"model in {percent(human.model)}: a difference of {100 * human.difference:+.1f} points (95 % interval "
            f"{100 * low:+.1f} to {100 * high:+.1f}, n = {human.n:,})."
        )
    return words


def origin_rows(report: Report, bundle: Bundle | None) -> list[tuple[str, str]]:
    """Where the figures come from, and under which settings.

    Args:
        report: the figures.
        bundle: the model that gave the answers (`answering_bundle`), for its settings; None where it is not at hand.
    """
    leaks = "cannot be told" if report.leaks is None else f"{report.leaks:,} of {report.n:,}"
    rows = [
        ("Model", f"{report.model}, head {report.head}"),
        ("Model's identity (sha256)", report.bundle_sha256),
        ("Dataset", f"{report.dataset}, {'all images' if report.split == 'all' else report.split}"),
        ("Dataset's fingerprint (sha256)", report.fingerprint),
        ("Classes, in order", ", ".join(report.labels)),
        ("Images with a twin in train", leaks),
        ("Evaluated", report.created),
    ]
    if report.versions:
        rows.append(("Evaluated with", ", ".join(f"{name} {version}" for name, version in report.versions.items())))
    return rows if bundle is None else [*rows, *_settings(report, bundle)]


def _settings(report: Report, bundle: Bundle) -> Iterator[tuple[str, str]]:
    card, head = bundle.card, bundle.head(report.head)
    size, channels = bundle.preprocessing.size, bundle.preprocessing.channels
    yield "Input", f"{size}×{size}, {'grey' if channels == 1 else 'RGB'}"
    yield "Temperature", f"{head.temperature:.3f}"
    yield "Unsure", "never" if head.abstain_threshold is None else f"below {percent(head.abstain_threshold)} confidence"
    if "recipe" in card:
        yield "Recipe", str(card["recipe"])
    if "data" in card:
        yield "Learned from", f"{card['data']['name']}, fingerprint {card['data'].get('fingerprint', 'unknown')}"
    if "reproduce" in card:
        yield "Made with", "; ".join(card["reproduce"])


def limits_of(bundle: Bundle | None) -> list[str]:
    """What the card of the model says of its limits."""
    return [] if bundle is None else [str(limit) for limit in bundle.card.get("limits", ())]


def answering_bundle(report: Report) -> Bundle | None:
    """The bundle that gave a report's answers, where it stands in the models folder unchanged."""
    try:
        bundle = load_bundle(report.model)
    except BundleError:
        return None
    return bundle if bundle.sha256 == report.bundle_sha256 else None


def _ends(interval: tuple[float, float] | None, form: str = "") -> str:
    if interval is None:
        return ""
    return " to ".join(form.format(end) for end in interval) if form else percent_range(interval)
