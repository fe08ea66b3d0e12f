"""`PredictOptions`: how a client wants its pictures read, from the words of a query or a form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from fer.bundles import Bundle
from fer.detection import MIN_FACE_SIZE
from fer.errors import SettingsError

MAX_MIN_SIZE = 10_000


@dataclass(frozen=True)
class PredictOptions:
    """How pictures are read; None takes the server's default.

    Args:
        model: name of a bundle.
        head: name of the bundle's head that answers.
        classes: number of classes of the head that answers, in place of its name.
        detector: name of a face detector.
        whole_image: take every picture as one face, without looking for any.
        min_size: leave out faces narrower than this many pixels.

    Raises:
        SettingsError: a value makes no sense.
    """

    model: str | None = None
    head: str | None = None
    classes: int | None = None
    detector: str | None = None
    whole_image: bool = False
    min_size: int = MIN_FACE_SIZE

    def __post_init__(self) -> None:
        if self.head is not None and self.classes is not None:
            raise SettingsError("`head` and `classes` are two ways to say which head answers. Give one of them.")
        if not 1 <= self.min_size <= MAX_MIN_SIZE:
            raise SettingsError(f"`min_size` lies between 1 and {MAX_MIN_SIZE} pixels. Received: {self.min_size}")

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> PredictOptions:
        """Options as text, by their names.

        Raises:
            SettingsError: a name is unknown, or a value makes no sense.
        """
        require_known(given, [option.name for option in fields(cls)])
        min_size = whole_number(given, "min_size")
        return cls(
            model=given.get("model"),
            head=given.get("head"),
            classes=whole_number(given, "classes"),
            detector=given.get("detector"),
            whole_image=_truth(given, "whole_image"),
            min_size=MIN_FACE_SIZE if min_size is None else min_size,
        )

    def head_of(self, bundle: Bundle) -> str:
        """Name of the head of a bundle that answers.

        Raises:
            SettingsError: it has none of that name, or with so many classes.
        """
        heads = {head.name: len(head.label_set) for head in bundle.heads}
        has = f"The model {bundle.name!r} has {', '.join(f'{name} ({count} classes)' for name, count in heads.items())}."
        if self.classes is not None:
            found = next((name for name, count in heads.items() if count == self.classes), None)
            if found is None:
                raise SettingsError(f"No head of {self.classes} classes. {has}")
            return found
        if self.head is not None and self.head not in heads:
            raise SettingsError(f"No head {self.head!r}. {has}")
        return self.head or bundle.default_head.name


def require_known(given: Mapping[str, str], known: Sequence[str]) -> None:
    """Refuse an option that is none: it would else be left out without a word.

    Raises:
        SettingsError: there is one.
    """
    for name in given:
        if name not in known:
            raise SettingsError(f"Unknown option {name!r}. Known: {', '.join(known)}")


def whole_number(given: Mapping[str, str], name: str) -> int | None:
    """An option's value; None where it is not given.

    Raises:
        SettingsError: it is no whole number.
    """
    text = given.get(name)
    if text is not None and not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        raise SettingsError(f"`{name}` is a whole number. Received: {text!r}")
    return None if text is None else int(text)


def _truth(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "false")
    if text not in ("true", "false"):
        raise SettingsError(f"`{name}` is true or false. Received: {text!r}")
    return text == "true"
