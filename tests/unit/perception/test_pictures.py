"""Pictures for people."""

import cv2
import numpy as np
import pytest

from robot_ops.core.sensors import Image
from robot_ops.perception.pictures import to_jpeg


def test_a_jpeg_has_the_colors_of_its_picture() -> None:
    pixels = np.zeros((24, 32, 3), dtype=np.uint8)
    pixels[:, :16] = (200, 20, 20)
    pixels[:, 16:] = (20, 20, 200)
    bgr = cv2.imdecode(np.frombuffer(to_jpeg(Image(stamp_ns=0, pixels=pixels)), np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    assert np.abs(bgr[:, :, ::-1].astype(int) - pixels)[:, [*range(8), *range(24, 32)]].max() < 12


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be encoded"):
        to_jpeg(Image(stamp_ns=0, pixels=np.zeros((0, 4, 3), dtype=np.uint8)))
