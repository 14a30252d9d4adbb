"""The roof network: shapes, masks, the order of tokens, its loss, and that a few steps teach it something."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from geovision.vision.nets.roof_losses import ORDERS, roof_loss  # noqa: E402
from geovision.vision.nets.roof_net import OUTPUTS, RoofNetConfig, roof_net  # noqa: E402
from geovision.vision.roofs.batches import RoofBatch, RoofSource  # noqa: E402
from geovision.vision.roofs.targets import PARTS  # noqa: E402
from geovision.vision.roofs.tokens import CELLS  # noqa: E402
from geovision.vision.roofs.towns import make_town  # noqa: E402

SMALL = RoofNetConfig(width=16, encoder=1, decoder=1, heads=2)


@pytest.fixture(scope="module")
def source() -> RoofSource:
    return RoofSource(make_town("mixed", 21, 30), size=12, seed=1)


@pytest.fixture(scope="module")
def batch(source: RoofSource) -> RoofBatch:
    return source.batch(0)


@pytest.fixture(scope="module")
def network() -> Any:
    keras.utils.set_random_seed(0)
    return roof_net(SMALL)


def said(network: Any, x: Any) -> dict[str, Any]:
    return {name: keras.ops.convert_to_numpy(value) for name, value in network(x, training=False).items()}


def test_batches_depend_on_their_number_alone(source: RoofSource, batch: RoofBatch) -> None:
    again, other = source.batch(0), source.batch(1)
    assert all(np.array_equal(values, again.x[name]) for name, values in batch.x.items())
    assert not np.array_equal(batch.x["cells"], other.x["cells"])


def test_shapes_and_size(network: Any, batch: RoofBatch) -> None:
    outputs = said(network, batch.x)
    assert {name: value.shape[1:] for name, value in outputs.items()} == OUTPUTS
    assert roof_net().count_params() < 1_500_000


def test_what_is_masked_does_not_matter(network: Any, batch: RoofBatch) -> None:
    before = said(network, batch.x)
    hidden = batch.x["mask"] == 0
    assert hidden.any()
    changed = {name: values.copy() for name, values in batch.x.items()}
    changed["cells"][hidden[:, :CELLS]] = 7
    changed["edges"][hidden[:, CELLS:]] = -7
    after = said(network, changed)
    for name in set(OUTPUTS) - {"slopes"}:
        assert np.allclose(before[name], after[name], atol=1e-4), name


def test_the_order_of_tokens_does_not_matter(network: Any, batch: RoofBatch) -> None:
    order = np.random.default_rng(0).permutation(CELLS)
    mixed = {name: values.copy() for name, values in batch.x.items()}
    mixed["cells"] = mixed["cells"][:, order]
    mixed["mask"][:, :CELLS] = mixed["mask"][:, :CELLS][:, order]
    before, after = said(network, batch.x), said(network, mixed)
    for name in set(OUTPUTS) - {"slopes"}:
        assert np.allclose(before[name], after[name], atol=1e-4), name
    assert np.allclose(before["slopes"][:, order], after["slopes"], atol=1e-4)


def test_the_loss_does_not_care_which_query_says_which_part(network: Any, batch: RoofBatch) -> None:
    outputs = said(network, batch.x)
    total, parts = roof_loss(batch.targets, batch.weights, outputs)
    assert np.isfinite(float(total))
    assert set(parts) == {"match", "count", "slope"}
    for order in ORDERS:
        turned = dict(outputs) | {
            name: outputs[name][:, order] for name in ("present", "kind", "box", "direction", "sizes")
        }
        again, _ = roof_loss(batch.targets, batch.weights, turned)
        assert float(again) == pytest.approx(float(total), rel=1e-4)


def test_the_truth_costs_less_than_anything_else(batch: RoofBatch) -> None:
    targets = batch.targets
    sure = 9.0
    right = {
        "present": sure * (2 * targets["present"][..., None] - 1),
        "kind": sure * np.eye(OUTPUTS["kind"][1], dtype=np.float32)[targets["kind"]],
        "box": targets["box"],
        "direction": targets["direction"],
        "sizes": np.concatenate([targets["sizes"], np.full_like(targets["sizes"], -3)], axis=2),
        "count": sure * np.eye(PARTS, dtype=np.float32)[targets["count"]],
        "slopes": targets["slopes"],
    }
    right = {name: np.asarray(values, np.float32) for name, values in right.items()}
    least, _ = roof_loss(targets, batch.weights, right)
    wrong = dict(right) | {"kind": np.roll(right["kind"], 1, axis=2)}
    assert float(least) < 0.5
    assert float(roof_loss(targets, batch.weights, wrong)[0]) > float(least) + 4
    assert float(roof_loss(targets, batch.weights, dict(right) | {"box": right["box"] + 0.2})[0]) > float(
        least
    )
