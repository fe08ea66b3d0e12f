"""What `predict --explain` adds to an answer: where in a face it was seen, and whether that can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer.words import percent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fer.explain import Belief, Heatmap
    from fer.inference.recognizer import FacePrediction, Recognizer


@dataclass(frozen=True, eq=False)
class Why:
    """One face's explanation: a map of its label, and the test of it; None where nothing in the face speaks for the label."""

    face: FacePrediction
    face_crop: NDArray[np.uint8]
    heatmap: Heatmap
    belief: Belief | None

    @property
    def words(self) -> str:
        """In one line."""
        return self.belief.verdict if self.belief else "Nothing in this face speaks for its answer."

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        told: dict[str, Any] = {"method": self.heatmap.method, "verdict": self.words}
        if self.belief:
            told |= {
                "believable": self.belief.is_believable,
                "deletion_area": round(self.belief.deletion_area, 4),
                "insertion_area": round(self.belief.insertion_area, 4),
                "random_maps_beaten": self.belief.beaten,
            }
        return told


def explain_all(
    recognizer: Recognizer, image: NDArray[np.uint8], faces: Sequence[FacePrediction], method: str | None
) -> list[Why | None]:
    """Why each face got its label, in the order of the faces; None for what is not a face.

    Raises:
        FerError: the model does not allow the method.
    """
    from fer.explain import ask, explain, measure_belief
    from fer.explain.question import face_crop_of

    whys: list[Why | None] = []
    for face in faces:
        if not face.is_face:
            whys.append(None)
            continue
        heatmap = explain(recognizer, image, face, method=method)[face.label]
        belief = None if heatmap.is_blank else measure_belief(ask(recognizer, image, face), heatmap)
        whys.append(Why(face, face_crop_of(image, face), heatmap, belief))
    return whys


def with_reasons(annotated: NDArray[np.uint8], whys: Sequence[Why | None]) -> NDArray[np.uint8]:
    """The annotated picture, with each explained face and its map beside it; uint8 RGB (H, W, 3)."""
    from fer.explain import METHODS
    from fer.explain.sheet import Tile, explanation_sheet

    tiles = []
    for why in whys:
        if why:
            tested = f", better than {why.belief.beaten} of {len(why.belief.random_deletion)} random maps" if why.belief else ""
            lines = (f"{why.face.label} {percent(why.face.confidence, 0)}", METHODS[why.heatmap.method] + tested)
            tiles.append(Tile(why.face_crop, why.heatmap, lines))
    return explanation_sheet(annotated, tiles)
