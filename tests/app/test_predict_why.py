"""Why a face got its answer, on the Predict page: what is drawn when it is opened, and what is worked out again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from ui.predict import why


@pytest.fixture
def page(open_page: Callable[..., AppTest]) -> AppTest:
    return open_page("predict")


def test_x(page: AppTest) -> None:
    print([e for e in page.expander])
    ex=page.expander[0]
    print(ex.proto, dir(ex))
