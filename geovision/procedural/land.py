"""Land: heights as a function of place, the same wherever and in whatever order they are asked for."""

from __future__ import annotations

import numpy as np

from geovision.procedural.rng import F64, Keyed, combine, name_key
from geovision.procedural.style import Style

__all__ = ["Land"]


class Land:
    """A slope, hills and small undulation.

    Only sums, products and roots are used, which every machine rounds alike: heights are the same bits
    everywhere.

    >>> from geovision.procedural.style import load_style
    >>> land = Land(load_style("mixed"), (0.0, 0.0, 400.0, 300.0), seed=7)
    >>> spots = np.array([[10.0, 20.0], [390.0, 280.0]])
    >>> bool((land.heights(spots)[1:] == land.heights(spots[1:])).all())
    True
    """

    def __init__(self, style: Style, area: tuple[float, float, float, float], seed: int) -> None:
        rules = style.terrain
        draws = Keyed(seed, combine(name_key("terrain")))
        self._seed = seed
        self._middle = np.array([area[0] + area[2] / 2, area[1] + area[3] / 2])

        def once(name: str) -> float:
            return float(getattr(rules, name).sample(draws, f"terrain/{name}")[0])

        self._base = once("base_m")
        self.level = round(self._base)
        """Whole metres: the height that sensors fly above."""
        # A direction without sine and cosine, whose last bits differ between machines.
        fall = np.array([draws.uniform("terrain/x")[0], draws.uniform("terrain/y")[0]]) - 0.5
        self._fall = once("slope") * fall / np.sqrt((fall**2).sum())
        self.kerb = round(once("kerb_m"), 3)
        """How far streets lie below the blocks, metres."""
        self._waves = [
            (once(f"{name}_m") / 2, once(f"{name}_length_m") / 2, name_key(f"terrain/{name}"))
            for name in ("hill", "bump")
        ]

    def heights(self, xy: F64) -> F64:
        """Height of the blocks' ground at points [n, 2], in whole millimetres; streets lie `kerb` lower."""
        local = xy - self._middle
        height = self._base + local[:, 0] * self._fall[0] + local[:, 1] * self._fall[1]
        for amplitude, length, key in self._waves:
            if amplitude > 0:
                height = height + amplitude * self._noise(xy / length, key)
        return np.asarray(np.round(height, 3))

    def _noise(self, place: F64, key: int) -> F64:
        """Gradient noise (Perlin 2002), scaled to about -1 ... 1; one lattice step is half a wave."""
        cell = np.floor(place)
        inside = place - cell
        smooth = inside**3 * (inside * (inside * 6 - 15) + 10)
        total = np.zeros(len(place))
        for dx in (0, 1):
            for dy in (0, 1):
                corner = cell.astype(np.int64) + np.array([dx, dy])
                draws = Keyed(self._seed, combine(key, corner[:, 0], corner[:, 1]))
                slope = 2 * np.stack([draws.uniform("gx"), draws.uniform("gy")], axis=1) - 1
                lean = (slope * (inside - np.array([dx, dy]))).sum(axis=1)
                weight = np.where(dx, smooth[:, 0], 1 - smooth[:, 0])
                total += lean * weight * np.where(dy, smooth[:, 1], 1 - smooth[:, 1])
        return 2.0 * total
