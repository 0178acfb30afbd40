"""The contrastive loss of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def info_nce(
    vectors: torch.Tensor,
    anchors: torch.Tensor,
    positives: torch.Tensor,
    *,
    is_masked: torch.Tensor,
    log_frequency: torch.Tensor,
    temperature: float,
) -> torch.Tensor:
    """Return the mean InfoNCE loss: how surprising each anchor's positive is among all texts of the batch.

    Van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding", with the other texts of the
    batch as negatives as in Henderson et al. 2017 ("Efficient Natural Language Response Suggestion for Smart Reply",
    the MultipleNegativesRanking loss). A text that many pairs draw is a negative more often than chance would have it;
    taking the logarithm of its frequency off (Yi et al. 2019, "Sampling-Bias-Corrected Neural Modeling for Large Corpus
    Item Recommendations") keeps popular products from being pushed away. What is masked counts neither for nor against.

    Args:
        vectors: Texts x dimensions, unit rows.
        anchors: Row of each pair's anchor.
        positives: Row of each pair's positive.
        is_masked: Pairs x texts.
        log_frequency: Per text, the logarithm of how often it is drawn.
        temperature: Divides the cosines.
    """
    from torch.nn.functional import cross_entropy

    logits = vectors[anchors] @ vectors.T / temperature - log_frequency
    return cross_entropy(logits.masked_fill(is_masked, float("-inf")), positives)
