"""Home: what this is, what is loaded, where to go, and what the models read."""

import streamlit as st

from fer.errors import FerError
from fer.training import list_runs
from ui.state import active_dataset, active_model, read_bundle
from ui.theme import page_header, plain_metric
from ui.welcome import expression_strip, notice
from ui.words import count, percent, plus_minus

STEPS = [
    ("explore", "Explore", ":material/grid_view:", "Classes, splits and pictures of the dataset"),
    ("train", "Train", ":material/model_training:", "A network learns from it, with live curves"),
    ("evaluate", "Evaluate", ":material/monitoring:", "How often it is right, and what it confuses"),
    ("predict", "Predict", ":material/add_a_photo:", "The expression of every face in your pictures"),
    ("webcam", "Webcam", ":material/videocam:", "The same, live, on a camera"),
]


def model_metric() -> None:
    name = active_model()
    try:
        heads = read_bundle(name).card["heads"] if name else []
    except FerError:
        heads = []
    if not heads:
        plain_metric("Model", "None yet", "train one first")
        return
    figures = heads[0].get("validation")
    if figures is None:  # a model from elsewhere
        plain_metric("Model", str(name), "made elsewhere, not measured here")
        return
    words = f"{plus_minus(figures['accuracy_ci95'])}, n = {count(figures['n'])}"
    explained = "Share of right answers on the validation part of the data it was trained on, with its 95 % interval."
    plain_metric(f"{name}, validation", percent(figures["accuracy"]), words, explained)


page_header("Facial expressions", "From labelled faces to a trained network, and from a picture to the expression of each face.")
expression_strip()
with st.grid(4, min_column_width=160):
    dataset_place = st.empty()
    classes_place = st.empty()
    model_metric()
    runs = list_runs()
    going = sum(run.is_active for run in runs)
    plain_metric("Runs", count(len(runs)), f"{going} going" if going else "none going")
reading_place = st.container()
with st.grid(5, min_column_width=140, border=True):
    for page, title, icon, purpose in STEPS:
        with st.container(gap="xsmall"):
            st.page_link(f"pages/{page}.py", label=f"**{title}**", icon=icon)
            st.caption(purpose)
notice()
# Last, as it may take a while: everything else stands already.
with reading_place:
    data = active_dataset()
splits = ", ".join(f"{count(int((data.splits == split).sum()))} {split}" for split in data.split_names if split)
with dataset_place:
    plain_metric("Images", count(len(data)), splits or "no split")
with classes_place:
    plain_metric("Classes", count(len(data.label_set)), data.name)
