"""The stages `split` and `finetune`."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.assets.reports import SPLIT_REPORT
from tasks.finetune.config import FinetuneConfig, SplitConfig
from tasks.finetune.learner import Learner
from tasks.finetune.reading import read_lesson
from tasks.finetune.split import behaviour_split
from tasks.finetune.tracking import tracked
from tasks.finetune.trainer import train
from tasks.retrieval.judged import TRAINED_QUERIES
from tasks.retrieval.layout import read_layout
from tasks.retrieval.weights import copy_encoder, encoder_folder, hub_commit
from tasks.stage import Build, stage


@stage("split", revision=2, produces=lambda events, **_: (specs.SPLIT,))
def split_behaviour(events: AssetRef, config: SplitConfig, build: Build) -> None:
    """Split behaviour by time into training, validation and test."""
    split = behaviour_split(sorted(build.path(events).glob("part-*.parquet")), config, build.scratch())
    with build.draft(specs.SPLIT) as draft:
        pq.write_table(split.interactions, draft.path / "interactions.parquet", compression="zstd")
        (draft.path / SPLIT_REPORT).write_text(split.report.model_dump_json(indent=2), encoding="utf-8")
        draft.metrics.update(method=split.report.method, **{f"events_{k}": v for k, v in split.report.events.items()})


@stage("finetune", revision=7, produces=lambda products, **_: (specs.ENCODER,))
def finetune(  # noqa: PLR0913 - one reference per input
    products: AssetRef,
    split: AssetRef,
    judgments: AssetRef | None,
    queries: AssetRef | None,
    config: FinetuneConfig,
    weights: str | None = None,
    *,
    build: Build,
) -> None:
    """Fine-tune the encoder on products that the same users choose, and on judgments where there are any.

    `weights` is the digest of a model that is a folder: with it in the recipe, new weights are trained anew.
    """
    judged = (build.path(judgments), build.path(queries)) if judgments and queries else None
    folder = encoder_folder(config.model)
    own = read_layout(folder)
    prompts = own.prompts_with(passage=config.prompt, query=config.query_prompt)
    learner = Learner.open(folder, config)
    lesson = read_lesson(build.path(products), build.path(split), judged, prompts=prompts, config=config)
    with tracked(config, build.scratch(), {"asset": f"{specs.ENCODER.key}@{build.recipe.version}"}) as tracker:
        progress = train(learner, lesson, scratch=build.scratch(), tracker=tracker)
    with build.draft(specs.ENCODER) as draft:
        learner.save_adapter(draft.path / "adapter")
        if progress.kept == "raw" and prompts == own.prompts:
            copy_encoder(folder, draft.path / "model")  # the same digest: what is known of its vectors still holds
        else:
            learner.save(draft.path / "model", prompts=prompts)
        pq.write_table(progress.history(), draft.path / "history.parquet")
        pq.write_table(pa.table({"query": pa.array(lesson.queries, pa.string())}), draft.path / TRAINED_QUERIES)
        draft.seed = config.seed
        build.log(f"finetune: {progress.verdict}")
        draft.metrics.update(
            kept=progress.kept,
            verdict=progress.verdict,
            model=config.model,
            commit=hub_commit(folder),
            steps=progress.step,
            best_step=progress.best_step,
            resumed_from=progress.resumed_from,
            pairs=len(lesson.pairs),
            validation_ndcg_at_10_before=progress.rows[0]["validation_ndcg_at_10"],
            validation_ndcg_at_10=progress.best_metric,
            mlflow_run_id=tracker.run_id,
        )
