"""Why an answer: where in a face a class was seen, whether that can be believed, and what would change the answer.

    recognizer = Recognizer()
    face = recognizer.predict(image)[0]
    heatmap = explain(recognizer, image, face)[face.label]
    print(measure_belief(ask(recognizer, image, face), heatmap).verdict)
    strip = what_if(recognizer, image, face)

All of it asks the model anew about the part of the picture that it saw; only `grad-cam` needs Keras, in a process of its own.
"""

from __future__ import annotations

from fer.explain.belief import Belief, measure_belief
from fer.explain.explain import METHODS, explain, methods_for
from fer.explain.question import Question, ask
from fer.explain.what_if import Change, what_if
from fer.inference.heatmap import Heatmap, lay_over

__all__ = [
    "METHODS",
    "Belief",
    "Change",
    "Heatmap",
    "Question",
    "ask",
    "explain",
    "lay_over",
    "measure_belief",
    "methods_for",
    "what_if",
]
