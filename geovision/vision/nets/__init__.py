"""Networks of Keras 3 layers and operations alone, on any backend: the scene network and its losses."""

from geovision.vision.nets.losses import SceneLossConfig, scene_loss
from geovision.vision.nets.scene_net import OUTPUTS, SceneNetConfig, scene_net

__all__ = ["OUTPUTS", "SceneLossConfig", "SceneNetConfig", "scene_loss", "scene_net"]
