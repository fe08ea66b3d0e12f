"""fer/boxes.py: numbers worked by hand."""

import numpy as np
import pytest

from fer.boxes import LEVEL_DEGREES, as_xyxy, clip_xyxy, crop_faces, iou_matrix, square_xyxy
from fer.errors import ImageError


@pytest.mark.parametrize(
    ("box", "scale", "expected"),
    [
        ([10, 20, 30, 60], 1.0, [10, 30, 30, 50]),  # a tall box: its width counts, its centre stays
        ([10, 20, 30, 40], 1.5, [5, 15, 35, 45]),
        ([0, 0, 10, 10], 2.0, [-5, -5, 15, 15]),  # may leave the picture
    ],
)
def test_square_xyxy_takes_a_multiple_of_the_width(box: list[int], scale: float, expected: list[int]) -> None:
    np.testing.assert_allclose(square_xyxy([box], scale), [expected])


def test_square_xyxy_takes_one_scale_a_box() -> None:
    squares = square_xyxy([[0, 0, 10, 10], [0, 0, 10, 10]], [1.0, 2.0])
    np.testing.assert_allclose(squares, [[0, 0, 10, 10], [-5, -5, 15, 15]])


def test_square_xyxy_of_no_boxes_is_empty() -> None:
    assert square_xyxy([], 1.26).shape == (0, 4)


def test_as_xyxy_of_nothing_has_four_columns() -> None:
    assert as_xyxy([]).shape == (0, 4)
    assert as_xyxy([]).dtype == np.float32


def test_clip_xyxy_keeps_what_is_inside() -> None:
    np.testing.assert_allclose(clip_xyxy([[-5, 2, 50, 60]], (40, 30)), [[0, 2, 40, 30]])


def test_iou_matrix_of_known_overlaps() -> None:
    boxes = [[0, 0, 10, 10], [5, 0, 15, 10], [2, 2, 6, 6], [20, 20, 30, 30]]
    expected = [1, 50 / 150, 16 / 100, 0]
    np.testing.assert_allclose(iou_matrix(boxes[:1], boxes), [expected], rtol=1e-6)


def test_iou_matrix_over_smaller_counts_an_inner_box_as_whole() -> None:
    assert iou_matrix([[0, 0, 10, 10]], [[2, 2, 6, 6]], over_smaller=True)[0, 0] == 1


def test_iou_matrix_of_boxes_without_area_is_zero() -> None:
    np.testing.assert_array_equal(iou_matrix([[3, 3, 3, 3]], [[3, 3, 3, 3], [0, 0, 9, 9]]), [[0, 0]])


def ramp() -> np.ndarray:
    """20 columns by 10 rows; red counts columns, green rows."""
    image = np.zeros((10, 20, 3), np.uint8)
    image[..., 0] = np.arange(20)
    image[..., 1] = np.arange(10)[:, None]
    return image


def test_crop_faces_inside_cuts_the_pixels_named() -> None:
    image = ramp()
    (crop,) = crop_faces(image, [[3, 2, 8, 6]])
    np.testing.assert_array_equal(crop, image[2:6, 3:8])


def test_crop_faces_repeats_the_border_outside() -> None:
    (crop,) = crop_faces(ramp(), [[-3, -2, 4, 5]])
    assert crop.shape == (7, 7, 3)
    np.testing.assert_array_equal(crop[0, :, 0], [0, 0, 0, 0, 1, 2, 3])
    np.testing.assert_array_equal(crop[:, 0, 1], [0, 0, 0, 1, 2, 3, 4])


def test_crop_faces_larger_than_the_picture_repeats_on_all_sides() -> None:
    (crop,) = crop_faces(ramp(), [[-5, -5, 25, 25]])
    assert crop.shape == (30, 30, 3)
    assert crop[-1, -1].tolist() == [19, 9, 0]


def test_crop_faces_rounds_to_whole_pixels_and_keeps_at_least_one() -> None:
    (crop,) = crop_faces(ramp(), [[3.4, 2.4, 3.45, 2.45]])
    assert crop.tolist() == [[[3, 2, 0]]]


@pytest.mark.parametrize("box", [[30, 0, 40, 9], [-20, 0, -10, 9], [0, 12, 5, 18]], ids=["right", "left", "below"])
def test_crop_faces_refuses_a_box_outside_the_picture(box: list[int]) -> None:
    with pytest.raises(ImageError, match="outside the picture of 20×10"):
        crop_faces(ramp(), [box])


def test_crop_faces_of_no_boxes_is_empty() -> None:
    assert crop_faces(ramp(), []) == []


def test_crop_faces_turns_a_leaning_face_back() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    (straight,) = crop_faces(image, [[10, 12, 26, 28]])
    (turned,) = crop_faces(image, [[10, 12, 26, 28]], [90])  # leans to the right, so it is turned to the left
    np.testing.assert_array_equal(turned, np.rot90(straight))


def test_crop_faces_takes_what_surrounds_a_leaning_face_at_the_edge_from_the_border() -> None:
    (crop,) = crop_faces(ramp(), [[-4, -4, 4, 4]], [45])
    assert crop.shape == (8, 8, 3)
    # The face's up is up and to the right in the picture, from its corner: column 2, above the first row, which goes on there.
    assert crop[0, 3].tolist() == [2, 0, 0]


def test_crop_faces_leaves_what_hardly_leans_as_it_is() -> None:
    image = ramp()
    (crop,) = crop_faces(image, [[2, 2, 8, 8]], [LEVEL_DEGREES - 0.1])
    assert np.shares_memory(crop, image)
