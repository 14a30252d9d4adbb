"""Runs networks over rasters: windowed, blended, by strips, resumable. Needs neither TensorFlow nor Keras."""

from geovision.vision.infer.feeds import ArrayFeed, Feed, SceneFeed, scene_feed
from geovision.vision.infer.plan import Plan, load_plan, make_plan, save_plan
from geovision.vision.infer.prediction import Prediction, iter_strips, predict, predict_array, predict_groups
from geovision.vision.infer.stitch import BANDS, HEIGHT_BANDS, Strip

__all__ = [
    "BANDS",
    "HEIGHT_BANDS",
    "ArrayFeed",
    "Feed",
    "Plan",
    "Prediction",
    "SceneFeed",
    "Strip",
    "iter_strips",
    "load_plan",
    "make_plan",
    "predict",
    "predict_array",
    "predict_groups",
    "save_plan",
    "scene_feed",
]
