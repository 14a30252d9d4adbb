"""Training: one loop for every network of this room, exact to the bit on CPU, resumable after any kill.

`config`, `task`, `state` and the logs need NumPy and pydantic; the loop itself imports Keras.
"""

from geovision.vision.train.config import TrainConfig, load_config
from geovision.vision.train.task import Area, Batch, Measure, Source, Task

__all__ = ["Area", "Batch", "Measure", "Source", "Task", "TrainConfig", "load_config"]
