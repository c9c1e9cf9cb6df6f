import json
from pathlib import Path

import numpy as np
import pytest

from robot_ops.core.errors import WorldError
from robot_ops.simulation import sdf
from robot_ops.simulation.sdf_reader import read_world

DATA = Path(__file__).parent / "sdf_data"
BOX = "<geometry><box><size>1 1 1</size></box></geometry>"


def write(folder: Path, body: str) -> Path:
    file = folder / "world.sdf"
    file.write_text(f'<sdf version="1.9">\n<world name="w">\n{body}\n</world>\n</sdf>\n', encoding="utf-8")
    return file


def test_poses_are_those_of_libsdformat() -> None:
    """The expected poses were resolved by Gazebo's own library, libsdformat 12.3."""
    world = read_world(DATA / "poses.sdf")
    expected = json.loads((DATA / "poses_by_libsdformat_12_3.json").read_text(encoding="utf-8"))
    compared = 0
    for pose in expected:
        model_name, _, part = pose["name"].partition("/")
        model = world.models[model_name]
        parts = {"__model__": None, **model.links, **model.joints}
        if part not in parts:  # a nested model's own frame
            continue
        found = parts[part]
        resolved = model.pose_in_world if found is None else model.pose_in_world.compose(found.pose_in_model)
        np.testing.assert_allclose(resolved.position, pose["position"], atol=1e-9)
        assert abs(np.dot(resolved.quaternion, pose["quaternion"])) == pytest.approx(1.0, abs=1e-9)
        compared += 1
    assert compared == len(expected) - 1


def test_included_model_takes_name_pose_and_static_of_the_include(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "crate"
    folder.mkdir(parents=True)
    (folder / "model.config").write_text("<model><sdf version='1.9'>crate.sdf</sdf></model>", encoding="utf-8")
    (folder / "crate.sdf").write_text(
        f'<sdf version="1.9"><model name="crate"><pose>9 9 9 0 0 0</pose><link name="base">'
        f'<collision name="c">{BOX}</collision></link></model></sdf>',
        encoding="utf-8",
    )
    include = "<include><uri>model://crate</uri>{}</include>"
    world = read_world(
        write(tmp_path, include.format("<name>a</name><pose>1 2 3 0 0 0</pose><static>1</static>") + include.format(""))
    )
    assert world.models["a"].pose_in_world.position == (1.0, 2.0, 3.0)
    assert world.models["a"].is_static
    assert world.models["a"].source == "crate"
    assert world.models["crate"].pose_in_world.position == (9.0, 9.0, 9.0)


def test_sensors_materials_and_drive_are_read(tmp_path: Path) -> None:
    world = read_world(
        write(
            tmp_path,
            """<model name="r"><link name="base_link"><inertial><mass>30</mass></inertial>
            <visual name="v"><transparency>0.25</transparency><geometry><cylinder><radius>0.3</radius><length>1</length>
            </cylinder></geometry><material><diffuse>1 0 0 1</diffuse></material></visual>
            <sensor name="front" type="camera"><pose>0.2 0 1 0 0.1 0</pose><camera><horizontal_fov>1.2</horizontal_fov>
            <image><width>320</width><height>240</height></image><clip><near>0.1</near><far>30</far></clip></camera>
            </sensor>
            <sensor name="lidar" type="gpu_lidar"><lidar><scan><horizontal><samples>360</samples>
            <min_angle>-3</min_angle>
            <max_angle>3</max_angle></horizontal></scan><range><min>0.1</min><max>12</max></range></lidar></sensor></link>
            <plugin filename="gz-sim-diff-drive-system" name="gz::sim::systems::DiffDrive"><left_joint>l</left_joint>
            <right_joint>r</right_joint><wheel_separation>0.4</wheel_separation><wheel_radius>0.1</wheel_radius></plugin>
            </model>""",
        )
    )
    link = world.models["r"].links["base_link"]
    assert link.mass == 30
    assert link.visuals[0].material == sdf.Material(rgba=(1.0, 0.0, 0.0, 0.75))
    camera, lidar = link.sensors[0].device, link.sensors[1].device
    assert isinstance(camera, sdf.Camera)
    assert (camera.width_px, camera.far) == (320, 30)
    assert isinstance(lidar, sdf.Lidar)
    assert (lidar.samples, lidar.range_max) == (360, 12)
    drive = world.models["r"].diff_drive
    assert drive is not None
    assert (drive.wheel_separation, drive.wheel_radius) == (0.4, 0.1)


@pytest.mark.parametrize(
    ("body", "line", "text"),
    [
        ("<model name='a'>", 4, "well-formed"),
        ("<model><link name='l'/></model>", 3, "has no name"),
        ("<model name='a'>\n<link name='l'><pose>1 2 3</pose></link></model>", 4, "expected 6 numbers"),
        ("<model name='a'>\n<link name='l'><pose relative_to='x'/></link></model>", 4, "no frame 'x'"),
        ("<model name='a'>\n<link name='l'/>\n<link name='l'/></model>", 5, "is taken by line 4"),
        (
            (
                "<model name='a'><frame name='f'><pose relative_to='g'/></frame>\n"
                "<frame name='g'><pose relative_to='f'/>"
                "</frame><link name='l'/></model>"
            ),
            4,
            "in a circle",
        ),
        ("<include>\n<uri>model://nowhere</uri></include>", 4, "does not exist"),
        (
            "<model name='a'><link name='l'><visual name='v'>\n<geometry><box/></geometry></visual></link></model>",
            4,
            "size",
        ),
        (
            (
                "<model name='a'><link name='l'><collision name='v'><geometry>\n<sphere><radius>-1</radius></sphere>"
                "</geometry></collision></link></model>"
            ),
            4,
            "above 0",
        ),
        ("<model name='a'><link name='l'/>\n<joint name='j' type='sticky'/></model>", 4, "has no <child>"),
        (
            (
                "<model name='a'><link name='l'/>\n<joint name='j' type='sticky'><parent>world</parent>"
                "<child>l</child></joint>"
                "</model>"
            ),
            4,
            "unknown type of joint",
        ),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, body: str, line: int, text: str) -> None:
    file = write(tmp_path, body)
    with pytest.raises(WorldError) as caught:
        read_world(file)
    assert text in str(caught.value)
    assert f"{file}:{line}" in caught.value.where or text == "well-formed"


def test_entities_and_missing_files_are_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.sdf"
    bomb.write_text('<!DOCTYPE x [<!ENTITY a "aaaa">]><sdf version="1.9"/>', encoding="utf-8")
    with pytest.raises(WorldError, match="document type"):
        read_world(bomb)
    with pytest.raises(WorldError, match="cannot be read"):
        read_world(tmp_path / "none.sdf")
    old = tmp_path / "old.sdf"
    old.write_text('<robot name="urdf"/>', encoding="utf-8")
    with pytest.raises(WorldError, match="no SDF file"):
        read_world(old)


def test_a_model_that_includes_itself_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "loop"
    folder.mkdir(parents=True)
    (folder / "model.sdf").write_text(
        '<sdf version="1.9"><model name="loop"><link name="l"/><include><uri>model://loop</uri></include></model></sdf>',
        encoding="utf-8",
    )
    with pytest.raises(WorldError, match="nested"):
        read_world(write(tmp_path, "<include><uri>model://loop</uri></include>"))
