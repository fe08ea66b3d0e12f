"""Evaluate: the reality checks, those that failed first; what each looks for, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from fer.evaluation import Report, settle
from fer.evaluation.checks import Check
from ui.words import counted, plain

# Worst first. An icon and a word, as colour alone must not carry it.
_LOOKS: Mapping[str, tuple[str, str, str]] = {
    "fail": ("red", ":material/error:", "fails"),
    "warn": ("orange", ":material/warning:", "warning"),
    "pending": ("blue", ":material/hourglass_top:", "being checked"),
    "pass": ("green", ":material/check_circle:", "passes"),
    "skipped": ("gray", ":material/do_not_disturb_on:", "not checked"),
}


def draw(report: Report) -> None:
    """All checks, a row each."""
    if not report.checks:
        st.info("This report was made before there were checks. Evaluate again to have them.", icon=":material/update:")
        return
    st.subheader(summary(report.checks), anchor=False)
    st.caption("Figures can be exact and mean nothing. Each check looks for one way in which that has happened to somebody.")
    order = list(_LOOKS)
    for check in sorted(report.checks, key=lambda check: order.index(check.status)):
        _row(check)


def watch(report: Report) -> None:
    """Where a check still goes on, draw the page anew once it has ended."""
    if report.is_pending:
        st.fragment(_look, run_every=1.0)(report)


def _look(report: Report) -> None:
    if not settle(report).is_pending:
        st.rerun()


def summary(checks: Sequence[Check]) -> str:
    """`1 of 11 checks fails, 2 warn`, or that all is well."""
    failed, warned, made = (
        sum(check.status in statuses for check in checks) for statuses in (("fail",), ("warn",), ("fail", "warn", "pass"))
    )
    if not failed and not warned:
        return f"All {counted(made, 'check')} that could be made pass" if made < len(checks) else f"All {made} checks pass"
    parts = []
    if failed:
        parts.append(f"{failed} of {counted(made, 'check')} {'fails' if failed == 1 else 'fail'}")
    if warned:
        words = f"{'warns' if warned == 1 else 'warn'}"
        parts.append(f"{warned} {words}" if failed else f"{warned} of {counted(made, 'check')} {words}")
    return ", ".join(parts)


def strip(checks: Sequence[Check]) -> None:
    """One line for the head of the page: badges of what is wrong; nothing where all is well."""
    wrong = [check for check in checks if check.status in ("fail", "warn")]
    if not wrong:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for check in sorted(wrong, key=lambda check: check.status != "fail"):
            colour, icon, _ = _LOOKS[check.status]
            st.badge(plain(check.name), icon=icon, color=colour)  # type: ignore[arg-type]
        st.caption("See *Checks* below.", width="content")


def _row(check: Check) -> None:
    colour, icon, word = _LOOKS[check.status]
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(check.name[0].upper() + check.name[1:])}**", width="content", help=plain(check.explanation))
            st.badge(word, icon=icon, color=colour)  # type: ignore[arg-type]
        st.markdown(plain(check.finding))
        if check.action:
            st.caption(f":material/arrow_forward: {plain(check.action)}")
