"""`report_html`: a report as one HTML file that needs nothing else, to be mailed, printed or put beside a paper.

No script, no font, no host: the file's own policy forbids the browser to fetch anything. What it tells is in `tables.py`, and its
plots are in `svg.py`. Every text from outside is escaped where it becomes HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from fer.bundles import Bundle
from fer.evaluation import tables
from fer.evaluation.report import Report
from fer.evaluation.robustness import robustness_table
from fer.evaluation.svg import coverage_svg, reliability_svg
from fer.words import percent

# Worst first. A sign and a word, as colour alone must not carry it.
_STATUSES = {
    "fail": ("✕", "fails"),
    "warn": ("!", "warning"),
    "pending": ("…", "being checked"),
    "pass": ("✓", "passes"),
    "skipped": ("–", "not checked"),
}
# How deep the shade of a full cell is, in percent: ink keeps a contrast of 4.5:1 on it, light and dark.
_DEEPEST = 45

_STYLE = """
:root{color-scheme:light dark;--ground:#fff;--panel:#f4f5f8;--text:#10131a;--muted:#5b6472;--line:#dde0e7;--accent:#4038b8;
--fail:#b3261e;--warn:#8a4b00;--pass:#0b6b3a;--skipped:#5b6472}
@media(prefers-color-scheme:dark){:root{--ground:#12151b;--panel:#1c212a;--text:#e7e9ee;--muted:#a3abba;--line:#333a47;
--accent:#a7a1ff;--fail:#ff9a92;--warn:#ffb868;--pass:#6bd69a;--skipped:#a3abba}}
@media print{:root{color-scheme:light;--ground:#fff;--panel:#f4f5f8;--text:#10131a;--muted:#5b6472;--line:#dde0e7;
--accent:#4038b8;--fail:#b3261e;--warn:#8a4b00;--pass:#0b6b3a;--skipped:#5b6472}}
*{box-sizing:border-box;-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{margin:0;background:var(--ground);color:var(--text);font:16px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1000px;margin:0 auto;padding:2rem 1.25rem 3rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem;overflow-wrap:anywhere}h2{font-size:1.3rem;margin:2.4rem 0 .6rem}
p,li{max-width:75ch}.lead{font-size:1.1rem;margin:0}.muted{color:var(--muted)}small{color:var(--muted);font-size:.85rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:.75rem;margin:1.4rem 0}
.card{border:1px solid var(--line);border-radius:.5rem;padding:.7rem .9rem}.card b{display:block;font-size:1.5rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .6rem;text-align:right;border-bottom:1px solid var(--line);vertical-align:top}td{white-space:nowrap}
th{font-weight:600;color:var(--muted)}tbody th,td.words,th.words{text-align:left}tbody th{color:var(--text)}
.figures td:last-child,.figures th:last-child{text-align:left;white-space:normal;min-width:14rem}
.origin td{text-align:left;white-space:normal;overflow-wrap:anywhere}.origin th{white-space:nowrap}
@media(max-width:600px){.origin th,.origin td{display:block;border:0;padding:0 0 .2rem}.origin td{padding-bottom:.7rem}}
.matrix td,.matrix thead th{text-align:center}.matrix td{border:2px solid var(--ground);min-width:3.6rem}
.matrix td b{display:block}.matrix td small{color:inherit}.right{outline:1px solid var(--muted);outline-offset:-3px}
.bar{display:inline-block;width:7rem;height:.65rem;border-radius:.33rem;margin-right:.5rem;position:relative;
background:color-mix(in srgb,currentColor 10%,transparent)}
.bar i{position:absolute;inset:0 auto 0 0;border-radius:.33rem;box-shadow:inset 0 0 0 1px rgb(0 0 0/.2)}
.bar u{position:absolute;top:50%;border-top:1.5px solid var(--text)}
.checks{list-style:none;padding:0}.checks li{border:1px solid var(--line);border-radius:.5rem;padding:.6rem .9rem;margin:.5rem 0;
max-width:none}.checks p{margin:.2rem 0;max-width:none}.badge{font-size:.85rem;font-weight:600;margin-left:.5rem}
.fail{color:var(--fail)}.warn{color:var(--warn)}.pass{color:var(--pass)}.skipped{color:var(--skipped)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:1.5rem}figure{margin:0}
figcaption{font-weight:600;margin-bottom:.3rem}svg{width:100%;height:auto}.axis{fill:var(--muted);font-size:12px}
.grid{stroke:var(--line);stroke-width:1}.ref{stroke:var(--muted);stroke-dasharray:2 4}
.line{fill:none;stroke:var(--accent);stroke-width:2.5}.dot{fill:var(--accent)}.whisker{stroke:var(--muted);stroke-width:1.2}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:1rem}
@media print{main{max-width:none;padding:0}h2{break-after:avoid}tr,figure,.card,.checks li{break-inside:avoid}
.scroll{overflow:visible}body{font-size:10.5pt}table{font-size:8.5pt}.bar{width:4rem}th,td{padding:.25rem .4rem}}
"""


def report_html(report: Report, bundle: Bundle | None = None) -> str:
    """The whole file.

    Args:
        report: what it tells.
        bundle: the model that gave the answers, for its settings and limits (`tables.answering_bundle`); None where it is gone.
    """
    title = tables.title_of(report)
    body = "\n".join(
        [
            f"<header><h1>{escape(title)}</h1>",
            f'<p class="lead">{escape(tables.finding_of(report))}</p></header>',
            _cards(report),
            *_notes(report),
            _section("Reality checks", *_checks(report)),
            _section("What is taken for what", _matrix(report), *_mistakes(report)),
            _section("Class by class", _classes(report)),
            _section("How sure it is", _plots(report)),
            *([_section("Beside people", *map(_paragraph, tables.vote_words(report)))] if report.taggers else []),
            *_robustness(bundle),
            _section("All figures", _figures(report)),
            _section("Where these figures come from", _origin(report, bundle)),
            _section("How to read this", _list([*tables.READING, *tables.limits_of(bundle)])),
            f'<footer class="muted"><p>{escape(tables.NO_FACES)}</p></footer>',
        ]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        # Nothing may be fetched, and nothing may run, whatever stands in a name.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _cards(report: Report) -> str:
    cards = (
        f'<div class="card"><span class="muted">{escape(figure.name)}</span><b>{escape(figure.value)}</b>'
        f"<small>{escape(f'95 %: {figure.interval}' if figure.interval else figure.meaning)}</small></div>"
        for figure in tables.headline_figures(report)
    )
    return f'<div class="cards">{"".join(cards)}</div>'


def _notes(report: Report) -> list[str]:
    lacks = [f"Not in this old report: {'; '.join(report.lacks)}."] if report.lacks else []
    return [f'<p class="muted">{escape(note)}</p>' for note in (*report.notes, *lacks)]


def _checks(report: Report) -> list[str]:
    if not report.checks:
        return [_paragraph("This report was made before there were checks.")]
    order = list(_STATUSES)
    items = []
    for check in sorted(report.checks, key=lambda check: order.index(check.status)):
        sign, word = _STATUSES[check.status]
        action = f"<p>→ {escape(check.action)}</p>" if check.action else ""
        items.append(
            f'<li><b>{escape(check.name[:1].upper() + check.name[1:])}</b><span class="badge {check.status}">{sign} {word}</span>'
            f"<p>{escape(check.finding)}</p>{action}<small>{escape(check.explanation)}</small></li>"
        )
    return [f'<ul class="checks">{"".join(items)}</ul>']


def _matrix(report: Report) -> str:
    label_set, confusion = report.label_set, report.confusion
    named = [f"{label_set.emoji(label)} {label}" for label in label_set]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in named)
    rows = []
    for i, name in enumerate(named):
        total = int(confusion[i].sum())
        cells = []
        for j, n in enumerate(confusion[i].tolist()):
            share = n / total if total else 0.0
            shade = f"color-mix(in srgb,var(--accent) {_DEEPEST * share:.0f}%,var(--panel))"
            right = ' class="right"' if i == j else ""
            told = percent(share, 0) if n else "·"
            cells.append(f'<td{right} style="background:{shade}"><b>{told}</b><small>{n:,}</small></td>')
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    head = f'<tr><th class="words">true ↓ answered →</th>{head}</tr>'
    table = f'<table class="matrix"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'
    words = "Share of the true class, and images. What is answered rightly has a frame."
    return _paragraph(words) + _scrolling("Confusion matrix", table)


def _mistakes(report: Report) -> list[str]:
    words = tables.mistake_words(report)
    return ["<h3>Most frequent mistakes</h3>", _list(words)] if words else [_paragraph("No image is mistaken.")]


def _classes(report: Report) -> str:
    head, *rows = tables.class_rows(report)
    bars = []
    for row in report.per_class:
        low, high = row["recall_ci95"]
        bars.append(
            f'<span class="bar" aria-hidden="true"><i style="width:{100 * row["recall"]:.1f}%;'
            f'background:{report.label_set.colour(row["label"])}"></i>'
            f'<u style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></u></span>'
        )
    bars += [""] * (len(rows) - len(bars))
    cells = []
    for (name, *values), bar in zip(rows, bars, strict=True):
        emoji = f"{report.label_set.emoji(name)} " if name in report.label_set else ""
        inner = "".join(f"<td>{bar if at == 1 else ''}{escape(value)}</td>" for at, value in enumerate(values))
        cells.append(f'<tr><th scope="row">{emoji}{escape(name)}</th>{inner}</tr>')
    return _scrolling("Classification report", f"<table><thead>{_head(head)}</thead><tbody>{''.join(cells)}</tbody></table>")


def _plots(report: Report) -> str:
    sure, curve = float(report.y_prob.max(axis=1).mean()), report.risk_coverage
    calibration = f"{percent(sure, 0)} sure on average, and {percent(report.accuracy, 0)} are right"
    half = float(curve.accuracy[abs(curve.coverage - 0.5).argmin()])
    coverage = f"Of the surer half of its answers {percent(half, 0)} are right, of all {percent(report.accuracy, 0)}"
    figures = (
        f"<figure><figcaption>{words}</figcaption>{plot}<small>{told}</small></figure>"
        for words, plot, told in (
            (
                calibration,
                reliability_svg(report.reliability, calibration),
                "Accuracy by confidence, with 95 % intervals. A larger dot stands for more images; on the line, the model is as "
                "sure as it should be.",
            ),
            (
                coverage,
                coverage_svg(curve, coverage),
                "Accuracy of the answers that are left when the least sure ones are not given.",
            ),
        )
    )
    return f'<div class="plots">{"".join(figures)}</div>'


def _robustness(bundle: Bundle | None) -> list[str]:
    if bundle is None or "robustness" not in bundle.card:
        return []
    figures = bundle.card["robustness"]
    head, *rows = robustness_table(figures)
    told = (
        f"From the model's card: {figures['clean']['n']:,} images of {figures['dataset']} ({figures['split']}), all corrupted in "
        "one way at a time. Changes are in percentage points."
    )
    return [_section("When pictures are bad", _paragraph(told), _table("Robustness", head, rows))]


def _figures(report: Report) -> str:
    rows = [[figure.name, figure.value, figure.interval, figure.meaning] for figure in tables.figure_rows(report)]
    return _table("All figures", ["figure", "value", "95 % interval", "what it says"], rows, kind="figures")


def _origin(report: Report, bundle: Bundle | None) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in tables.origin_rows(report, bundle)
    )
    gone = "" if bundle else _paragraph("The model itself was not at hand when this was written, so its settings are not told.")
    return _scrolling("Where these figures come from", f'<table class="origin"><tbody>{rows}</tbody></table>') + gone


def _table(name: str, head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
        for first, *cells in rows
    )
    return _scrolling(name, f'<table class="{kind}"><thead>{_head(head)}</thead><tbody>{body}</tbody></table>')


def _head(cells: Sequence[str]) -> str:
    first, *rest = (escape(cell) for cell in cells)
    return f'<tr><th scope="col" class="words">{first}</th>{"".join(f"<th scope=col>{cell}</th>" for cell in rest)}</tr>'


def _scrolling(name: str, table: str) -> str:
    """A table that scrolls sideways by itself where it is too wide, also by keyboard."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}">{table}</div>'
