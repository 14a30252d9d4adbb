"""Networks of Keras 3 layers and operations alone, on any backend: the scene network and its losses."""

from geovision.vision.nets.losses import SceneLossConfig, scene_loss
from geovision.vision.nets.scene_net import KIND_NONE, OUTPUTS, SceneNetConfig, halo_px, scene_net

__all__ = ["KIND_NONE", "OUTPUTS", "SceneLossConfig", "SceneNetConfig", "halo_px", "scene_loss", "scene_net"]
