"""The model card, after Mitchell et al., Model Cards for Model Reporting (2019), as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.assets.asset import AssetRef
from tasks.assets.reports import EvaluationReport, MetricValue
from tasks.register.gate import Decision


def model_card(
    name: str, evaluation: EvaluationReport, lineage: Sequence[AssetRef], decision: Decision, *, champion: str | None
) -> str:
    """Return what a reviewer reads before deciding.

    Args:
        name: The registered model's name.
        evaluation: The table of metrics.
        lineage: Every asset the model was made from.
        decision: What the gate said.
        champion: The champion's version, None where there is none.
    """
    lines = [
        f"# {name}",
        "",
        "Recommends products to users, known or not, and finds products by words; each answer says why.",
        "",
        "## What it is",
        "",
        "A weighted combination of simple models and of the encoder fine-tuned on the shop's own behaviour.",
        "The weights were learned on the validation split alone.",
        "",
        "| part | weight |",
        "|---|---:|",
        *[
            f"| {part} | {weight:.3f} |"
            for part, weight in sorted(evaluation.weights.items(), key=lambda item: -item[1])
        ],
        "",
        "## How it was measured",
        "",
        f"Full ranking over {evaluation.products:,} products. Users: "
        + ", ".join(f"{count:,} in {split}" for split, count in evaluation.users.items())
        + ". 95 % bootstrap intervals.",
        "",
        *_table(evaluation),
        "",
        *[
            f"- {check.name}: {'clean' if check.is_clean else '**leaks**'}. {check.detail}"
            for check in evaluation.leakage
        ],
        "",
        "## The gate",
        "",
        "Passed; waiting for review." if decision.is_open else "Refused:",
        *[f"- {reason}" for reason in decision.reasons],
        f"Compared with the champion, version {champion}." if champion else "There is no champion to compare with.",
        "",
        "## Use, and limits",
        "",
        "- Meant for the shop whose data it was trained on, and for the languages that its encoder knows.",
        "- It was evaluated on users with a history. New users get what is popular, new products go by their text.",
        "- Past behaviour holds what was shown then, and the model repeats it. Exposure was not corrected for.",
        "- Fairness between groups of users was not measured, and personal data was not looked for.",
        "- User ids, and what users chose, are inside the model's files.",
        "",
        "## What it was made from",
        "",
        *[f"- `{ref}`" for ref in lineage],
        "",
    ]
    return "\n".join(lines)


def _table(evaluation: EvaluationReport) -> list[str]:
    metrics = sorted({item.metric for item in evaluation.metrics if item.split == "test"})
    found = {(item.model, item.metric): item for item in evaluation.metrics if item.split == "test"}
    lines = ["| model | " + " | ".join(metrics) + " |", "|---|" + "---:|" * len(metrics)]
    for model in evaluation.models:
        cells = [_cell(found.get((model, metric))) for metric in metrics]
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return lines


def _cell(value: MetricValue | None) -> str:
    return "" if value is None else f"{value.value:.4f} ({value.low:.4f}–{value.high:.4f})"
