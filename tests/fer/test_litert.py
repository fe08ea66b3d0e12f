"""fer/litert.py: what it refuses; its answers are tested through the classifier and the MTCNN detector."""

import pytest

from fer.litert import LiteRtNetwork


@pytest.mark.parametrize("content", [b"", b"no network", b"\0" * 1000], ids=["empty", "text", "zeros"])
def test_network_of_other_bytes_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        LiteRtNetwork(content)
