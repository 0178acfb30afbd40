"""What the manifests say of a candidate beside its metrics, in words: its gain, its search, its training. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

NAMES: Final[Mapping[str, str]] = {
    "popularity": "Popularity",
    "buy_again": "Buy-again",
    "due_again": "Due-again",
    "item_knn": "ItemKNN",
    "ease": "EASE",
    "words": "TF-IDF",
    "raw_encoder": "Raw encoder",
    "finetuned_encoder": "Fine-tuned encoder",
    "combination": "Combination",
}
METRICS: Final[Mapping[str, str]] = {
    "ndcg_at_10": "NDCG@10",
    "search_ndcg_at_10": "search NDCG@10",
    "known_item_mrr_at_10": "known-item MRR@10",
}
SEARCH_METRICS: Final = ("search_", "known_item_")
TOO_FEW: Final = (
    "Search was not measured: the shop has no judgments that could be used, and too few products have a title of "
    "their own."
)

Facts = Mapping[str, Any]  # texts and numbers of a manifest's metrics


def name_of(model: str) -> str:
    """Return a model's name as the pages show it."""
    return NAMES.get(model, model)


def gain_words(evaluation: Facts) -> str:
    """Return whether the combination is better than the best of the other models; empty where nobody compared.

    Args:
        evaluation: The metrics of the manifest of `evaluations/recommender`.
    """
    gain = evaluation.get("gain")
    if not gain:
        return ""
    best, metric = f"{name_of(gain['against'])}, the best of the other models", METRICS[gain["metric"]]
    apart = f"{metric} {_signed(gain['value'])}, {_interval(gain)}"
    if gain["low"] <= 0 <= gain["high"]:
        return f"Not distinguishable from {best} ({apart})."
    percent = f"{gain['share'] * 100:+.0f} %".replace("-", "−")
    return f"{percent} against {best} ({apart})."


def search_words(evaluation: Facts) -> str:
    """Return by what search was measured, and what training did to it.

    Args:
        evaluation: The metrics of the manifest of `evaluations/recommender`.
    """
    search = evaluation.get("search")
    if search is None:
        return "Search was not measured."
    if not search:
        return TOO_FEW
    metric, apart = METRICS[search["metric"]], f"{_signed(search['value'])}, {_interval(search)}"
    metric = f"{metric[0].upper()}{metric[1:]}"
    return f"{_asked(search)} {metric} of the fine-tuned encoder is {_position(search)} that of the raw one ({apart})."


def search_warning(evaluation: Facts) -> str | None:
    """Return that training made search clearly worse, or None.

    Args:
        evaluation: The metrics of the manifest of `evaluations/recommender`.
    """
    search = evaluation.get("search")
    if not search or search["high"] >= 0:
        return None
    return (
        f"Training made search worse: {METRICS[search['metric']]} of the fine-tuned encoder lies "
        f"{-search['value']:.4f} below that of the raw one ({_interval(search)}). Search a few words with "
        "`pandian search … --version N` before approving."
    )


def training_words(encoder: Facts) -> str:
    """Return what training brought; empty where its manifest does not say.

    Args:
        encoder: The metrics of the manifest of `models/encoder`.
    """
    return str(encoder.get("verdict", ""))


def _asked(search: Facts) -> str:
    if search["measured_by"] == "judgments":
        return f"Search was measured on {search['queries']:,} judged queries that training did not see."
    return (
        "The shop has no judgments, so that it is not known how well search answers what people type. Known-item "
        f"search (no judgments): {search['queries']:,} products were searched for by words of their own titles."
    )


def _position(facts: Facts) -> str:
    if facts["low"] <= 0 <= facts["high"]:
        return "not distinguishable from"
    return "clearly above" if facts["value"] > 0 else "clearly below"


def _interval(facts: Facts) -> str:
    return f"95 % interval of the difference {_signed(facts['low'])} to {_signed(facts['high'])}"


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")
