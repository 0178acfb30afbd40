"""The model card, after Mitchell et al., Model Cards for Model Reporting (2019), as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tasks.assets.reports import EvaluationReport, MetricValue
from tasks.register.candidate import Candidate, run_metrics
from tasks.register.gate import CANDIDATE, Decision
from tasks.register.measures import SEARCH_METRICS, gain_words, name_of, search_words, training_words
from tasks.register.registry import Version

OPEN: Final = (
    "Passed, and put up for review. Whether it was approved since is told by its tag `review`, not by this card."
)
WEIGHTS: Final = (
    "A weight multiplies scores between 0 and 1, and counts only for users whom the part ranks anything for: a part "
    "that speaks for few users can weigh much and decide little, and one of weight 0 adds nothing beside the others."
)
USERS: Final = {"able": "with enough history", "asked": "of them asked"}


def model_card(name: str, candidate: Candidate, decision: Decision, *, champion: Version | None) -> str:
    """Return what a reviewer reads before deciding.

    Args:
        name: The registered model's name.
        candidate: What is registered.
        decision: What the gate said.
        champion: The version in use, None where there is none.
    """
    evaluation = candidate.evaluation
    lines = [
        f"# {name}",
        "",
        "Recommends products to users, known or not, and finds products by words; each answer says why.",
        "Written when the version was registered; `pandian review show` sets today's state above it.",
        "",
        "## The gate",
        "",
        OPEN if decision.is_open else "Refused:",
        *[f"- {reason}" for reason in decision.reasons],
        *[f"- Warning: {warning}" for warning in decision.warnings],
        "",
        "## Against the champion",
        "",
        *_against(champion, candidate, decision.comparison),
        "",
        "## How it was measured",
        "",
        f"Full ranking over {evaluation.products:,} products. Users: {_users(evaluation.users)}. "
        f"Events: {_counts(evaluation.events)}. In brackets 95 % bootstrap intervals over users.",
        "",
        *_table(evaluation, lambda metric: not metric.startswith(SEARCH_METRICS)),
        "",
        *_paragraph(gain_words(candidate.measures)),
        *[f"- {split} begins: {cutoff}" for split, cutoff in evaluation.cutoffs.items()],
        *[f"- {item.name}: {'clean' if item.is_clean else '**leaks**'}. {item.detail}" for item in evaluation.leakage],
        "",
        "## Search",
        "",
        search_words(candidate.measures),
        "",
        *_table(evaluation, lambda metric: metric.startswith(SEARCH_METRICS)),
        "",
        "## What it is",
        "",
        "A weighted combination of simple models and of the encoder fine-tuned on the shop's own behaviour.",
        "The weights were learned on the validation split alone; then all parts were fitted on everything there is.",
        "",
        *_weights(evaluation, candidate.measures.get("reach", {})),
        "",
        *_paragraph(training_words(candidate.training)),
        "## Use, and limits",
        "",
        "- Meant for the shop whose data it was trained on, and for the languages that its encoder knows.",
        "- It was evaluated on users with a history. New users get what is popular, new products go by their text.",
        "- Past behaviour holds what was shown then, and the model repeats it. Exposure was not corrected for.",
        "- Fairness between groups of users was not measured, and personal data was not looked for.",
        "- User ids, and what users chose, are inside the model's files: whoever may load it can read them.",
        "",
        "## What it was made from",
        "",
        *[f"- `{ref}`" for ref in candidate.inputs],
        "",
    ]
    return "\n".join(lines)


def _against(champion: Version | None, candidate: Candidate, comparison: str) -> list[str]:
    if champion is None:
        return ["There was no champion when it was registered."]
    prefix = f"test.{CANDIDATE}."
    ours = run_metrics(candidate.evaluation)
    names = [item.metric for item in candidate.evaluation.metrics if (item.model, item.split) == (CANDIDATE, "test")]
    rows = [
        f"| {name} | {_bounded(ours, prefix + name)} | {_bounded(champion.metrics, prefix + name)} |" for name in names
    ]
    return [
        f"| | this | version {champion.version} |",
        "|---|---:|---:|",
        *rows,
        "",
        comparison or "The gate did not compare them.",
        "This is about recommending; the gate does not compare search with the champion's.",
    ]


def _bounded(metrics: Mapping[str, float], name: str) -> str:
    if name not in metrics:
        return "not measured"
    value = f"{metrics[name]:.4f}"
    low, high = metrics.get(f"{name}.low"), metrics.get(f"{name}.high")
    return value if low is None or high is None else f"{value} ({low:.4f}–{high:.4f})"


def _table(evaluation: EvaluationReport, is_shown: Callable[[str], bool]) -> list[str]:
    found = {
        (item.model, item.metric): item for item in evaluation.metrics if item.split == "test" and is_shown(item.metric)
    }
    metrics = sorted({metric for _, metric in found})
    if not metrics:
        return []
    lines = ["| model | " + " | ".join(metrics) + " |", "|---|" + "---:|" * len(metrics)]
    for model in evaluation.models:
        cells = [_cell(found.get((model, metric))) for metric in metrics]
        if any(cells):
            lines.append(f"| {name_of(model)} | " + " | ".join(cells) + " |")
    return lines


def _weights(evaluation: EvaluationReport, reach: Mapping[str, float]) -> list[str]:
    rows = [
        f"| {name_of(part)} | {weight:.3f} | {f'{reach[part]:.0%}' if part in reach else ''} |"
        for part, weight in sorted(evaluation.weights.items(), key=_by_weight)
    ]
    return ["| part | weight | users it ranks for |", "|---|---:|---:|", *rows, "", WEIGHTS]


def _paragraph(text: str) -> list[str]:
    return [text, ""] if text else []


def _cell(value: MetricValue | None) -> str:
    return "" if value is None else f"{value.value:.4f} ({value.low:.4f}–{value.high:.4f})"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} in {split}" for split, count in counts.items())


def _users(counts: Mapping[str, int]) -> str:
    splits = [name for name in counts if not name.endswith(tuple(f"_{end}" for end in USERS))]
    return ", ".join(f"{counts[split]:,} in {split}{_of_whom(counts, split)}" for split in splits)


def _of_whom(counts: Mapping[str, int], split: str) -> str:
    said = [f"{counts[f'{split}_{end}']:,} {words}" for end, words in USERS.items() if f"{split}_{end}" in counts]
    return f" ({', '.join(said)})" if said else ""


def _by_weight(item: tuple[str, float]) -> tuple[float, str]:
    return -item[1], item[0]
