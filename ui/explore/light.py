"""Explore's overview, the part that looks at pixels: light and sharpness by class, the mean face of each class and its spread."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.quality.images import ImageMeasures
from fer.quality.mean_faces import MeanFaces
from ui.charts import PLOTLY_CONFIG
from ui.explore.data_charts import class_ranges
from ui.explore.headlines import light_finding
from ui.measures import class_faces
from ui.tiles import tile
from ui.words import plain

# A measure, what its axis says, and digits of its figures.
MEASURES = (
    ("brightness", "mean grey level, 0–255", 0),
    ("contrast", "deviation of grey levels", 0),
    ("sharpness", "sharpness", 2),
)
_GAP = 6


def draw_light(dataset: Dataset, measures: ImageMeasures) -> None:
    """Brightness, contrast and sharpness of each class, and whether one stands out."""
    st.subheader("Light and sharpness", anchor=False)
    with st.grid(3, min_column_width=250, gap="medium"):
        for name, unit, digits in MEASURES:
            values = getattr(measures, name)
            with st.container(gap="xsmall"):
                st.markdown(f"**{plain(light_finding(name, values, dataset.label_ids, dataset.label_set))}**")
                figure = class_ranges(values, dataset.label_ids, dataset.label_set, unit=unit, digits=digits)
                st.plotly_chart(figure, config=PLOTLY_CONFIG, key=f"light_{name}")
    st.caption(
        "Dot: median; bar: the middle half of the images; line: 5–95 %. Where a class stands out, a network may learn the light "
        "instead of the expression."
    )


def draw_mean_faces(dataset: Dataset) -> None:
    """The mean face of each class, above how far its faces are spread around it."""
    faces = class_faces(dataset)
    st.subheader("The mean face of each class, and below it where its faces differ", anchor=False)
    with st.grid(8, min_column_width=104, gap="xsmall"):
        for label_id, label in enumerate(dataset.label_set):
            if faces.counts[label_id]:
                st.image(
                    mean_and_spread(faces, label_id),
                    caption=f"{dataset.label_set.emoji(label)} {plain(label)}",
                    width="stretch",
                    output_format="PNG",
                    alt=f"The mean face of {label}, and its standard deviation",
                )
    st.caption(
        "Below: the standard deviation of each pixel; bright is where faces differ most. All classes are on one scale, stretched "
        "to full contrast. A sharp mean tells of faces that are cut alike and share a look."
    )


def mean_and_spread(faces: MeanFaces, label_id: int) -> NDArray[np.uint8]:
    """The mean face of a class above its spread, uint8 RGB (H, W, 3), each stretched to the full range that all classes need."""
    above, below = (_stretched(pictures, faces.counts, label_id) for pictures in (faces.mean, faces.spread))
    return np.concatenate([above, np.full((_GAP, above.shape[1], 3), 128, np.uint8), below])


def _stretched(pictures: NDArray[np.float32], counts: NDArray[np.int64], label_id: int) -> NDArray[np.uint8]:
    present = pictures[counts > 0]
    low, high = float(present.min()), float(present.max())
    grey_levels = np.rint((pictures[label_id] - low) * (255 / max(high - low, 1.0)))
    return tile(np.broadcast_to(grey_levels, (*grey_levels.shape[:2], 3)).astype(np.uint8))
