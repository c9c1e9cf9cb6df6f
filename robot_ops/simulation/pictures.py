"""Camera pictures by OpenGL, without a display. Everything here must happen in one thread."""

import math
import os
from typing import Any, Final

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_ops.core.errors import SetupError
from robot_ops.core.sensors import CameraModel
from robot_ops.simulation import sdf
from robot_ops.simulation.layout import PlacedSensor
from robot_ops.simulation.scene import GROUP_HIDDEN, GROUP_VISIBLE

_MAX_SIZE_PX: Final = (1280, 960)
_MAX_GEOMS: Final = 8000


def camera_model(placed: PlacedSensor, camera: sdf.Camera) -> CameraModel:
    """Return the pinhole model; integer coordinates are pixel centers, so the middle is at (width - 1) / 2."""
    focal = camera.width_px / 2 / math.tan(camera.horizontal_fov / 2)
    x, y, z = placed.pose_in_base.position
    return CameraModel(
        width_px=camera.width_px,
        height_px=camera.height_px,
        fx=focal,
        fy=focal,
        cx=(camera.width_px - 1) / 2,
        cy=(camera.height_px - 1) / 2,
        x=x,
        y=y,
        z=z,
        yaw=placed.pose_in_base.yaw,
        pitch=placed.pose_in_base.pitch,
    )


class Pictures:
    """Renders a model. The OpenGL context is made by the first picture.

    Args:
        model: MuJoCo's.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._context: Any = None
        self._gl: Any = None
        self._scene: Any = None
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = 0
        self._option.geomgroup[GROUP_VISIBLE] = 1
        self._groups = model.geom_group.copy()

    def close(self) -> None:
        """Give the OpenGL context back."""
        if self._context is not None:
            self._context.free()
        if self._gl is not None:
            self._gl.free()
        self._context = self._gl = None

    def render(self, data: Any, camera: Any, width_px: int, height_px: int) -> NDArray[np.uint8]:
        """Return a picture, (H, W, 3) uint8 RGB.

        Args:
            data: MuJoCo's, with current kinematics.
            camera: MjvCamera.
            width_px: at most 1280.
            height_px: at most 960.

        Raises:
            SetupError: there is no OpenGL here.
        """
        if self._context is None:
            self._open()
        self._gl.make_current()
        view = mujoco.MjrRect(0, 0, width_px, height_px)
        mujoco.mjv_updateScene(
            self._model, data, self._option, None, camera, mujoco.mjtCatBit.mjCAT_ALL.value, self._scene
        )
        mujoco.mjr_render(view, self._scene, self._context)
        pixels = np.empty((height_px, width_px, 3), dtype=np.uint8)
        mujoco.mjr_readPixels(pixels, None, view, self._context)
        return np.ascontiguousarray(pixels[::-1])

    def render_fixed(self, data: Any, camera: int, size_px: tuple[int, int], far: float) -> NDArray[np.uint8]:
        """Return the picture of a camera of the model; what it cannot see is left out to save time."""
        view = mujoco.MjvCamera()
        view.type = mujoco.mjtCamera.mjCAMERA_FIXED
        view.fixedcamid = camera
        hidden = self._hide_unseen(data, camera, size_px, far)
        try:
            return self.render(data, view, *size_px)
        finally:
            self._model.geom_group[hidden] = GROUP_VISIBLE

    def _hide_unseen(self, data: Any, camera: int, size_px: tuple[int, int], far: float) -> NDArray[np.intp]:
        """Hide the shapes whose bounding sphere lies outside the camera's cone of view and return their ids."""
        model = self._model
        half_height = math.radians(float(model.cam_fovy[camera])) / 2
        aspect = size_px[0] / size_px[1]
        half_angle = math.atan(math.tan(half_height) * math.hypot(1.0, aspect))
        forward = -data.cam_xmat[camera].reshape(3, 3)[:, 2]
        offsets = data.geom_xpos - data.cam_xpos[camera]
        along = offsets @ forward
        across = np.sqrt(np.maximum(np.einsum("ij,ij->i", offsets, offsets) - along**2, 0.0))
        outside = across * math.cos(half_angle) - along * math.sin(half_angle)
        radius = model.geom_rbound
        is_unseen = (outside > radius) | (along - radius > far) | (along < -radius)
        hidden = np.flatnonzero(is_unseen & (radius > 0) & (model.geom_group == GROUP_VISIBLE))
        model.geom_group[hidden] = GROUP_HIDDEN
        return hidden

    def _open(self) -> None:
        width, height = _MAX_SIZE_PX
        self._model.vis.global_.offwidth, self._model.vis.global_.offheight = width, height
        try:
            if os.environ.get("MUJOCO_GL", "").lower() == "osmesa":
                from mujoco.osmesa import GLContext
            else:
                from mujoco.egl import GLContext
            self._gl = GLContext(width, height)
            self._gl.make_current()
            self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        except (ImportError, AttributeError, RuntimeError, OSError, mujoco.FatalError) as error:
            raise SetupError(
                f"cameras need OpenGL, and there is none here: {error}",
                where="embedded simulator",
                mend="apt-get install libegl1 libopengl0 libgl1-mesa-dri",
            ) from error
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
        self._scene = mujoco.MjvScene(self._model, maxgeom=_MAX_GEOMS)
        for flag in (
            mujoco.mjtRndFlag.mjRND_SHADOW,
            mujoco.mjtRndFlag.mjRND_REFLECTION,
            mujoco.mjtRndFlag.mjRND_HAZE,
            mujoco.mjtRndFlag.mjRND_FOG,
        ):
            self._scene.flags[flag.value] = 0
