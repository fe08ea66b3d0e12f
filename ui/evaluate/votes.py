"""Evaluate: the model beside FER+'s taggers: where they agree, and against one of them."""

from __future__ import annotations

import streamlit as st

from fer.evaluation import Report
from fer.evaluation.taggers import HumanLine
from ui.charts import PLOTLY_CONFIG
from ui.evaluate.charts import agreement_bars
from ui.theme import plain_metric
from ui.words import count, percent, plus_minus


def draw(report: Report) -> None:
    """Figures, and accuracy by agreement."""
    if report.ferplus is None:
        st.info(
            "This dataset has no votes. FER+ gives ten to every image of FER2013: name its `fer2013new.csv` where you open the "
            "dataset.",
            icon=":material/how_to_vote:",
        )
        return
    if report.taggers is None:
        st.info("This report was made before taggers were compared. Evaluate again to see it.", icon=":material/update:")
        return
    human = report.taggers.human
    if human:
        st.subheader(_finding(human), anchor=False)
        with st.grid(4, min_column_width=165):
            explained = "How often the model says what most of the other nine chose, on the same images."
            plain_metric("Model", percent(human.model), f"{plus_minus(human.model_ci95)}, n = {count(human.n)}", explained)
            explained = (
                "One of the ten taggers, drawn at random, against what most of the other nine chose. 'Unknown' and 'not a face' "
                "count as wrong where the others see an emotion."
            )
            plain_metric("One tagger", percent(human.tagger), f"{plus_minus(human.tagger_ci95)}, n = {count(human.n)}", explained)
            low, high = human.difference_ci95
            words = f"{100 * low:+.1f} to {100 * high:+.1f}"
            plain_metric("Difference", f"{100 * human.difference:+.1f} points", words, "With its 95 % interval.")
            explained = "Mean divergence of the model's probabilities from how the ten voted, doubtful images included."
            plain_metric("KL to the votes", f"{report.ferplus.kl:.3f}", f"n = {count(report.ferplus.kl_n)}", explained)
    st.subheader("Right where people agree", anchor=False)
    st.plotly_chart(agreement_bars(report.taggers.agreement, human), config=PLOTLY_CONFIG, key="agreement")
    st.caption(
        "Strict protocol. What people disagree on has no right answer to learn, so low bars on the left are not the model's "
        "fault alone."
    )


def _finding(human: HumanLine) -> str:
    low, high = human.difference_ci95
    points = f"{abs(100 * human.difference):.1f} points"
    if low > 0:
        return f"{points} closer to the others' verdict than a single tagger is"
    if high < 0:
        return f"{points} further from the others' verdict than a single tagger is"
    return "As close to the others' verdict as a single tagger is"
