"""Any transformer as transformers computes it: a batch is padded to its longest row."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.retrieval.pooling import Head, pool


class PaddedTransformer:
    """Turns rows of token ids into unit vectors.

    Args:
        model: A loaded transformers model, on its device and in its precision.
        head: Pooling and what follows.
        pad_id: The token that fills up short rows.
    """

    def __init__(self, model: Any, head: Head, pad_id: int) -> None:  # a transformers model; ships no types
        self._model = model
        self._head = head
        self._pad_id = pad_id
        self.device: torch.device = model.device

    def vectors(self, rows: list[NDArray[np.int64]]) -> torch.Tensor:
        """Return one unit row per row of token ids, on the model's device."""
        lengths = np.array([len(row) for row in rows], np.int64)
        is_token = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(is_token.shape, self._pad_id, np.int64)
        ids[is_token] = np.concatenate(rows)
        with torch.inference_mode():
            mask = self._placed(is_token.astype(np.int64))
            hidden = self._model(input_ids=self._placed(ids), attention_mask=mask).last_hidden_state
            return self._head.finish(pool(hidden, mask, self._head.pooling))

    def _placed(self, array: NDArray[np.int64]) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        if self.device.type != "cuda":
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)
