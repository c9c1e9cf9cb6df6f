"""Pictures for people."""

from typing import Final

import cv2
import numpy as np

from robot_ops.core.sensors import Image

QUALITY: Final = 80
"""JPEG quality, 0-100: artifacts are hardly seen, a picture of 320 x 240 pixels takes about 12 kB."""


def to_jpeg(image: Image, *, quality: int = QUALITY) -> bytes:
    """Return the picture as JPEG.

    Raises:
        ValueError: it cannot be encoded.
    """
    try:
        bgr = cv2.cvtColor(np.ascontiguousarray(image.pixels), cv2.COLOR_RGB2BGR)
        is_done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error as error:
        raise ValueError(f"a picture of shape {image.pixels.shape} cannot be encoded: {error}") from error
    if not is_done:
        raise ValueError(f"a picture of shape {image.pixels.shape} cannot be encoded")
    return data.tobytes()
