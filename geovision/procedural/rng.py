"""Random numbers that belong to a building, not to a run.

A draw is a pure function of (seed, key, name): the key is the building's (or the row's, block's, tile's),
the name says what the number is for. So the result does not depend on tiles, batches, threads or order,
and a new draw added to the rules leaves all others as they were. Counter-based like Philox, but one
64-bit finaliser (splitmix64, variant 13 of Stafford) per draw, so that it vectorises in plain NumPy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MUL1 = np.uint64(0xBF58476D1CE4E5B9)
_MUL2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


def mix(value: U64) -> U64:
    """The splitmix64 finaliser: every input bit changes every output bit with even chance."""
    value = (value ^ (value >> _S30)) * _MUL1
    value = (value ^ (value >> _S27)) * _MUL2
    return value ^ (value >> _S31)


@lru_cache(maxsize=4096)
def name_key(name: str) -> int:
    """A fixed 64-bit number for a name, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def combine(*parts: U64 | npt.NDArray[np.int64] | int) -> U64:
    """One key from several numbers; order matters.

    >>> combine(7, np.array([0, 1])).shape
    (2,)
    """
    key = np.zeros(1, np.uint64)
    for part in parts:
        bits = _mixed_number(part) if isinstance(part, int) else mix(part.astype(np.uint64) + _GOLDEN)
        key = mix((key + _GOLDEN) ^ bits)
    return key


@lru_cache(maxsize=4096)
def _mixed_number(number: int) -> np.uint64:
    bits = np.array([number & 0xFFFFFFFFFFFFFFFF], np.uint64)
    return np.uint64(mix(bits + _GOLDEN)[0])


def id_keys(ids: Iterable[str]) -> U64:
    """Keys of buildings that have ids of their own: the same id gives the same building everywhere."""
    return np.fromiter((name_key.__wrapped__(i) for i in ids), np.uint64)


class Keyed:
    """The random numbers of a set of keys.

    >>> draws = Keyed(seed=1, keys=np.arange(4, dtype=np.uint64))
    >>> again = Keyed(seed=1, keys=np.array([2], dtype=np.uint64))
    >>> bool(draws.uniform("eave")[2] == again.uniform("eave")[0])
    True
    """

    def __init__(self, seed: int, keys: U64) -> None:
        self._state = combine(seed, keys)

    def __len__(self) -> int:
        return len(self._state)

    def uniform(self, name: str) -> F64:
        """One number in (0, 1) per key, with 53 random bits; never exactly 0 or 1."""
        bits = mix(self._state ^ np.uint64(name_key(name)))
        return ((bits >> _S11).astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, name: str) -> F64:
        """One standard normal number per key (Box-Muller)."""
        radius = np.sqrt(-2.0 * np.log(self.uniform(name)))
        return radius * np.cos(2.0 * np.pi * self.uniform(name + "\x00angle"))

    def chance(self, name: str, probability: float | F64) -> npt.NDArray[np.bool_]:
        """True with the given probability."""
        return np.asarray(self.uniform(name) < probability)

    def pick(self, name: str, weights: F64) -> npt.NDArray[np.int64]:
        """An index per key, by weights: one row for all, or a row per key.

        >>> Keyed(0, np.arange(3, dtype=np.uint64)).pick("kind", np.array([0.0, 1.0])).tolist()
        [1, 1, 1]
        """
        total = np.cumsum(np.atleast_2d(weights), axis=1)
        level = self.uniform(name)[:, None] * total[:, -1:]
        return np.asarray((level >= total).sum(axis=1), np.int64)

    def take(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Keyed:
        """The numbers of some of the keys."""
        return _from_state(self._state[index])

    @staticmethod
    def where(condition: npt.NDArray[np.bool_], chosen: Keyed, other: Keyed) -> Keyed:
        """Row by row the numbers of one or the other."""
        return _from_state(np.where(condition, chosen._state, other._state))


def _from_state(state: U64) -> Keyed:
    draws = object.__new__(Keyed)
    draws._state = state
    return draws
