"""The folds of several sets, side by side in arrays that are filled up with zeros to the largest."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks.imbalanced import Array, halves

#: Of each fold: other batches in each, and other weights.
REPEATS = 3


class Folds:
    """Rows and labels, standardised, (folds, rows, features) and (folds, rows); every fold `REPEATS` times."""

    def __init__(self, sets: Sequence[str], dtype: torch.dtype = torch.float32) -> None:
        folds = [(name, i, fold) for name in sets for i, fold in enumerate(halves(name))]
        folds = [(name, f"{name}/{i}/{repeat}", fold) for name, i, fold in folds for repeat in range(REPEATS)]
        self.sets = [name for name, _, _ in folds]
        self.seeds = [zlib.crc32(full.encode()) for _, full, _ in folds]
        self.rows = [len(y) for *_, (_, y, _, _) in folds]
        self.widths = [x.shape[1] for *_, (x, _, _, _) in folds]
        x, y, x_test, y_test = zip(*(standardised(*fold) for *_, fold in folds), strict=True)
        self.x, self.y, self.x_test, self.y_test = (filled(part, dtype) for part in (x, y, x_test, y_test))
        self.is_row, self.is_test = (filled([np.ones(len(y)) for y in of], torch.bool) for of in (y, y_test))

    def __len__(self) -> int:
        return len(self.sets)

    def batches(self, size: int, steps: int) -> Tensor:
        """The rows of each step, (steps, folds, size): every epoch in another order, less what remains."""
        return torch.stack([order(*fold, size, steps) for fold in zip(self.rows, self.seeds, strict=True)], 1)


def order(rows: int, seed: int, size: int, steps: int) -> Tensor:
    """The rows of each step, of one fold."""
    generator = torch.Generator().manual_seed(seed)
    whole = rows // size
    epochs = [torch.randperm(rows, generator=generator)[: whole * size] for _ in range(-(-steps // whole))]
    return torch.cat(epochs)[: steps * size].reshape(steps, size)


def standardised(x: Array, y: Array, x_test: Array, y_test: Array) -> tuple[Array, Array, Array, Array]:
    """Features by mean and deviation of the training rows; what does not vary there is 0."""
    mean, deviation = x.mean(0), x.std(0)
    varies = deviation > 1e-9 * np.abs(mean)
    scale = np.where(varies, 1 / np.where(varies, deviation, 1), 0)
    return (x - mean) * scale, y, (x_test - mean) * scale, y_test


def filled(arrays: Sequence[Array | Tensor], dtype: torch.dtype) -> Tensor:
    """Arrays as one, each followed by zeros."""
    whole = torch.zeros(len(arrays), *np.max([array.shape for array in arrays], 0), dtype=dtype)
    for place, array in zip(whole, arrays, strict=True):
        place[tuple(map(slice, array.shape))] = torch.as_tensor(array)
    return whole


def batch_size(rows: int, share: float, least: int) -> int:
    """The power of two that is nearest to a share of the rows, so that many sets have it; or all rows."""
    return rows if share == 1 else min(max(least, 2 ** round(np.log2(share * rows))), rows)
