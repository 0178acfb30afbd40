from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import DeviceError
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.contestants import FINETUNED, RAW, CatalogueTexts, fitted_parts
from tasks.retrieval.histories import histories_of
from tasks.retrieval.words import Words
from tests.builders_behaviour import interactions_of

NAMES = ["a pen", "a pan", "a pot"]


@pytest.mark.parametrize("name", [RAW, FINETUNED])
def test_encoders_rank_on_the_device_that_is_asked_for(name: str) -> None:
    known = histories_of(interactions_of([("u", "a pen"), ("v", "a pan")]), pa.array(NAMES))
    texts = CatalogueTexts(Words.fit(NAMES), raw=np.eye(3, dtype=np.float32), finetuned=np.eye(3, dtype=np.float32))
    parts = {part.name: part for part in fitted_parts(known, texts, EvaluateConfig(device="nowhere"))}
    with pytest.raises(DeviceError, match="no device “nowhere”"):
        parts[name].rank(known, 2)
