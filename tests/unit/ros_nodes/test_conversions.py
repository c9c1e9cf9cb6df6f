import numpy as np
import pytest
from sensor_msgs.msg import Image as ImageMsg

from robot_ops.core.sensors import Image
from robot_ops.ros_nodes.conversions import from_image, to_image


def test_a_picture_comes_back_as_it_was() -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (4, 6, 3), np.uint8)
    back = from_image(to_image(Image(stamp_ns=5, pixels=pixels), frame="camera"))
    assert back.stamp_ns == 5
    assert np.array_equal(back.pixels, pixels)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (ImageMsg(encoding="mono8"), "mono8"),
        (ImageMsg(encoding="rgb8"), "empty"),
        (ImageMsg(encoding="rgb8", width=2, height=2, step=6, data=[0] * 5), "cannot reshape"),
        (ImageMsg(encoding="rgb8", width=3, height=1, step=6, data=[0] * 6), "cannot reshape"),
    ],
)
def test_a_broken_picture_is_refused(message: ImageMsg, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        from_image(message)
