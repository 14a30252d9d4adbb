"""What a roof network sees of a building, what it says, and how that becomes proposed programs.

`propose` is the front: evidence in, evidence with proposals out. It needs ONNX Runtime, and no Keras.
"""

from geovision.vision.roofs.propose import RoofProposer, propose

__all__ = ["RoofProposer", "propose"]
