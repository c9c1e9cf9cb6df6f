"""Level maps as PNG pictures that the page colors itself."""

import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from robot_ops.navigation.grid import OCCUPIED, UNKNOWN, OccupancyGrid

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
SHADE_UNKNOWN: Final = 0
SHADE_FREE: Final = 128
SHADE_OCCUPIED: Final = 255


def map_png(grid: OccupancyGrid) -> bytes:
    """Return the grid as a gray PNG, north up: 0 unknown, 128 free, 255 occupied."""
    shades = np.full(grid.cells.shape, SHADE_FREE, dtype=np.uint8)
    shades[grid.cells == OCCUPIED] = SHADE_OCCUPIED
    shades[grid.cells == UNKNOWN] = SHADE_UNKNOWN
    return gray_png(shades[::-1])


def gray_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an (H, W) picture as an 8-bit gray PNG (W3C PNG, third edition)."""
    height, width = pixels.shape
    lines = np.zeros((height, width + 1), dtype=np.uint8)  # each line begins with its filter, 0 for none
    lines[:, 1:] = pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 6)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
