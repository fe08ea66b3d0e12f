"""`settle`: a report whose check still waited, with what has come out since.

report ─ settle ─→ report: of the checks only "LiteRT against Keras" takes long enough to be waited for (`agreement.py`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from fer.bundles import Bundle
from fer.evaluation.agreement import find_agreement
from fer.evaluation.checks import Check
from fer.evaluation.checks.made import compare_networks
from fer.evaluation.report import REPORT_FILE, Report, find_report_folder, load_report
from fer.evaluation.tables import answering_bundle


def settle(report: Report, bundle: Bundle | None = None, *, wait: bool = False) -> Report:
    """What is known of a pending check by now; the report itself where there is none.

    Args:
        report: of any age.
        bundle: that answered; None for the one in the models folder.
        wait: until the comparison has ended.
    """
    if not report.is_pending:
        return report
    bundle = bundle or answering_bundle(report)
    if bundle is None:
        found = None
    else:
        if wait:
            find_agreement(bundle, report.fingerprint, report.split).wait_for()
        found = compare_networks(bundle, report)
    return replace(report, checks=tuple(_settled(check, found) for check in report.checks))


def load_settled_report(path: str | Path) -> Report:
    """`load_report`, settled; what has come out is kept in the report's folder.

    Raises:
        DataError: as of `load_report`.
    """
    folder = find_report_folder(path)
    report = load_report(folder)
    settled = settle(report)
    if report.is_pending and not settled.is_pending:
        with suppress(OSError):  # it is shown all the same, and found again the next time
            settled.write_card(folder / REPORT_FILE)
    return settled


def _settled(check: Check, found: Check | None) -> Check:
    if check.status != "pending":
        return check
    if found is None:
        return replace(check, status="skipped", finding="The model was changed or deleted before its two networks were compared.")
    return found
