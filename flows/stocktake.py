"""The stocktake: the whole DAG on one screen. Each line leads to a stage's `task.py`."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from expectations.suites import parents
from flows.plan import StageName, plan_stages
from flows.run import Run
from flows.settings import find_config, load_settings, read_suite
from tasks.analyze.task import associate, cluster, deduplicate
from tasks.assets.specs import RECOMMENDER
from tasks.embed.task import embed
from tasks.evaluate.task import evaluate
from tasks.finetune.task import finetune, split_behaviour
from tasks.ingest.task import merge_shards, read_shard
from tasks.inventory.task import catalogue
from tasks.profile.task import profile, relate
from tasks.register.task import register
from tasks.retrieval.weights import folder_digest
from tasks.validate.task import validate

SIDE_BY_SIDE: Any = ThreadPoolTaskRunner(max_workers=2)  # its own type does not fit flow() in Prefect 3.8
"""Tables go through a stage two at a time: each of them keeps several cores busy by itself."""


@flow(name="stocktake", task_runner=SIDE_BY_SIDE, persist_result=False, validate_parameters=True)
def stocktake(
    config: str = "shop.yaml",
    only: list[StageName] | None = None,
    start: StageName | None = None,
    refresh: bool = False,
) -> str:
    """Take stock of a shop: from its raw tables to an inventory and a model under review.

    Args:
        config: Path of the shop's `shop.yaml`.
        only: Make these stages alone; earlier ones are looked for, later ones left out. All stages if empty.
        start: Make this stage and all later ones; earlier ones are looked for.
        refresh: Make the chosen stages again, though nothing changed.

    Returns:
        The version of the run record `inventory/run`.
    """
    shop = load_settings(config)
    plan = plan_stages(only or (), start, refresh=refresh)
    with Run(shop, plan, base=find_config(config).parent) as run:
        tables = {
            name: run.submit(
                merge_shards,
                name,
                [run.submit(read_shard, name, shard, config=shop.ingest, label=shard.name) for shard in shards],
                config=shop.ingest,
                label=name,
            )
            for name, shards in run.shards()
        }
        verdicts = {
            name: run.submit(
                validate,
                name,
                rows,
                run.arrived(tables, parents(name)),
                read_suite(shop, name),
                config=shop.validate_,
                label=name,
            )
            for name, rows in tables.items()
        }
        usable = run.passed(tables, verdicts)
        profiles = {
            name: run.submit(profile, name, rows, config=shop.profile, label=name) for name, rows in usable.items()
        }
        if usable:
            run.submit(relate, usable, profiles, config=shop.profile)

        products, events, *judged = run.needed(usable, "products", "events", "judgments", "queries")
        if products:
            vectors = run.submit(embed, products, config=shop.embed, weights=folder_digest(shop.embed.encoder))
            clusters = run.submit(cluster, products, vectors, events, config=shop.analyze)
            run.submit(deduplicate, products, vectors, config=shop.analyze)
        if products and events:
            run.submit(associate, products, events, clusters, config=shop.analyze)
            split = run.submit(split_behaviour, events, config=shop.split)
            encoder = run.submit(
                finetune, products, split, *judged, config=shop.finetune, weights=folder_digest(shop.finetune.model)
            )
            evaluation = run.submit(evaluate, products, split, vectors, encoder, *judged, config=shop.evaluate)
            model = run.part(evaluation, RECOMMENDER.key)
            run.submit(register, model, evaluation, run.lineage(evaluation), config=shop.register_)

        assets = run.known()
        if any(ref.key.startswith("tables/") for ref in assets):
            run.submit(catalogue, assets, config=shop.inventory)
        run.raise_for_failures()
    return run.run_id
