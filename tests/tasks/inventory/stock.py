"""A small stocktake made by hand: every kind of asset a catalogue tells of, and a product with a hostile name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.assets import reports, specs
from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.manifest import Finding, Record, Verdict
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore
from tests.builders import make_events, make_products

HOSTILE = (
    """<script>window.hacked=1;alert(1)</script>"'><img src=x onerror="window.hacked=1;alert(2)">{{7*7}}</style>"""
)
MODELS = ("popularity", "buy_again", "item_knn", "raw_encoder", "finetuned_encoder", "combination")
MODEL = "tiny-recommender"
SCORES = (0.010, 0.012, 0.114, 0.078, 0.090, 0.143)


class Stock:
    """Publishes assets one by one; `refs` are what a run would hand to the catalogue."""

    def __init__(self, store: AssetStore, hostile: str = HOSTILE, *, gain_low: float = 0.01) -> None:
        self.store = store
        self.gain_low = gain_low
        self.hostile = hostile
        self.refs: list[AssetRef] = []

    def publish(
        self,
        spec: AssetSpec,
        *inputs: AssetRef,
        stage: str = "ingest",
        tables: Mapping[str, pa.Table] | None = None,
        texts: Mapping[str, str | Record] | None = None,
        metrics: Mapping[str, Any] | None = None,  # JSON values of any shape
        findings: tuple[Finding, ...] = (),
        verdict: Verdict | None = None,
    ) -> AssetRef:
        recipe = Recipe.of(stage, 1, {"inputs": list(inputs), "key": spec.key, "note": self.hostile})
        with self.store.draft(spec, recipe, run_id="run-7") as draft:
            for name, table in (tables or {}).items():
                pq.write_table(table, draft.path / name)
            for name, text in (texts or {}).items():
                content = text.model_dump_json() if isinstance(text, Record) else text
                (draft.path / name).write_text(content, encoding="utf-8")
            draft.metrics.update(metrics or {})
            draft.findings.extend(findings)
            draft.verdict = verdict
        ref = AssetRef(spec.key, recipe.version)
        self.refs.append(ref)
        return ref

    def everything(self) -> list[AssetRef]:
        """Publish a whole stocktake and return its references."""
        products = self.products()
        events = self.events()
        coupons = self.publish(specs.table("coupons"), tables={"part-0.parquet": pa.table({"coupon": ["c1", "c2"]})})
        for table, verdict in (("products", "warned"), ("events", "passed"), ("coupons", "passed")):
            own = {"products": products, "events": events, "coupons": coupons}[table]
            self.validation(table, verdict, own, products)  # type: ignore[arg-type]  # a literal of the loop
        self.profile("products", products, self.product_columns())
        self.profile("events", events, self.event_columns())
        self.relationships(products, events)
        self.models(products, events)
        return self.refs

    def hostile_names(self) -> None:
        """Publish a table whose columns, file, findings and rule have the hostile name, and a decision with it."""
        name = self.hostile
        rows = pa.table({name: [0.5, 1.5]})
        counted = accounting(3, 2, 0, 1, rules={f"{name}.trim": 1})
        found = finding("extra", name, name, "warning", 1, 0.5, name, keys="failing/0.parquet")
        table = self.publish(
            specs.table("extra"),
            tables={"part-0.parquet": rows},
            metrics=counted | {"sources": {name: counted["sources"]["items.csv"]}, "encodings": {name: name}},
            findings=(found,),
        )
        aside = {"reason": ["bad_time"], "detail": [name], "source": [name], "line": [1], "row": [name]}
        self.publish(specs.quarantine("extra"), tables={"part-0.parquet": pa.table(aside)})
        result = expectation(name, "expect_column_values_to_be_between", "warn", False, name)
        result = result.model_copy(update={"reason": name, "failing": "failing/0.parquet", "parameters": {name: name}})
        suite = reports.ValidationReport(
            table="extra", suite=name, verdict="warned", rows=2, partitions=1, results=(result,), docs=None
        )
        texts = {reports.VALIDATION_REPORT: suite}
        self.publish(specs.validation("extra"), table, stage="validate", texts=texts, verdict="warned")
        columns = (
            numeric(name, 2, skew=0.1),
            numeric(f"{name} 2", 2, skew=0.2),
            column(f"{name} 3", f"STRUCT({'wide' * 40} VARCHAR)", distinct=2),
        )
        self.profile("extra", table, columns)
        told = {"model": MODEL, "decision": "promoted", "version": "3", "from_version": "2", "by": name, "reason": name}
        self.publish(specs.REVIEWS, table, stage="review", metrics=told)

    def products(self) -> AssetRef:
        hostile = pa.table({"product_id": [self.hostile], "title": [self.hostile]})
        rows = pa.concat_tables([make_products(60), hostile], promote_options="default")
        shard = self.publish(specs.shard("products", "items"), tables={"rows-0.parquet": rows})
        found = finding(
            "products", "title", "markup_in_text", "info", 49, 0.004, f"49 titles held markup, like {self.hostile}"
        )
        table = self.publish(
            specs.table("products"),
            shard,
            tables={"part-0.parquet": rows},
            metrics=accounting(64, 61, 2, 1, rules={"title.entities": 49, "brand.of.trim": 12})
            | {"encodings": {"items.csv": "utf-8"}},
            findings=(found,),
        )
        aside = pa.table(
            {
                "reason": ["missing_title"],
                "detail": ["title is empty"],
                "source": ["items.csv"],
                "line": [4],
                "row": [f'{{"id": "{self.hostile}"}}'],
            }
        )
        self.publish(specs.quarantine("products"), shard, tables={"part-0.parquet": aside})
        return table

    def events(self) -> AssetRef:
        rows = make_events(40, 60)
        shards = [
            self.publish(specs.shard("events", f"day-{day}"), tables={"rows-0.parquet": rows.slice(day * 40, 40)})
            for day in range(4)
        ]
        empty = pa.table({"reason": pa.array([], pa.string())})
        self.publish(specs.quarantine("events"), *shards, tables={"part-0.parquet": empty})
        return self.publish(
            specs.table("events"), *shards, tables={"part-0.parquet": rows}, metrics=accounting(170, 160, 10, 0)
        )

    def validation(
        self, table: str, verdict: Verdict, *inputs: AssetRef, note: str = "3 prices are below 0."
    ) -> AssetRef:
        results = (
            expectation("product_id", "expect_column_values_to_be_unique", "block", True, self.hostile),
            expectation("title", "expect_column_values_to_not_be_null", "block", verdict != "blocked", self.hostile),
            expectation("price", "expect_column_values_to_be_between", "warn", verdict == "passed", self.hostile),
        )
        report = reports.ValidationReport(
            table=table,
            suite=f"{table}",
            verdict=verdict,
            rows=61,
            partitions=1,
            results=results,
            docs="docs/index.html",
        )
        found = (
            ()
            if verdict == "passed"
            else (
                finding(
                    table,
                    "price",
                    "impossible_values",
                    "warning",
                    3,
                    0.049,
                    note,
                    keys="failing/price.parquet",
                ),
            )
        )
        return self.publish(
            specs.validation(table),
            *inputs,
            stage="validate",
            texts={reports.VALIDATION_REPORT: report},
            findings=found,
            verdict=verdict,
        )

    def profile(
        self,
        table: str,
        rows: AssetRef,
        columns: tuple[reports.ColumnProfile, ...],
        *,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> AssetRef:
        numeric = [column.name for column in columns if column.mean is not None]
        correlations = tuple(
            reports.Correlation(left=a, right=b, pearson=math.sin(i * 7 + j), spearman=0.5, rows=61)
            for i, a in enumerate(numeric)
            for j, b in enumerate(numeric)
            if i < j
        )
        report = reports.TableProfile(
            table=table, rows=61, columns=columns, correlations=correlations, keys=(("product_id",), ("title", "brand"))
        )
        texts = {reports.PROFILE_REPORT: report}
        return self.publish(specs.profile(table), rows, stage="profile", tables=tables, texts=texts)

    def product_columns(self) -> tuple[reports.ColumnProfile, ...]:
        return (
            column("product_id", "VARCHAR", distinct=61, text=text_profile(), minimum=self.hostile, maximum="p9"),
            column("title", "VARCHAR", distinct=61, text=text_profile(), top=((self.hostile, 2), ("red pen 0", 1))),
            column("brand", "VARCHAR", nulls=1, distinct=3, top=(("brand0", 21), ("brand1", 20), ("brand2", 19))),
            numeric("price", 61, skew=1.2),
            numeric("category", 61, skew=0.3).model_copy(update={"type": "VARCHAR[]", "minimum": "2", "maximum": "7"}),
            numeric("weight", 40, skew=0.1),
            with_outlier(numeric("stock", 61, skew=2.5)),
        )

    def event_columns(self) -> tuple[reports.ColumnProfile, ...]:
        months = tuple(
            reports.ValueCount(value=f"2026-{month:02d}", count=100 + 40 * month)
            for month in range(1, 13)
            if month != 5
        )
        time = reports.TimeProfile(
            first="2026-01-01T00:00:00Z",
            last="2026-12-31T00:00:00Z",
            days_in_span=365,
            days_with_rows=334,
            longest_gap_days=31,
            by_month=months,
        )
        return (
            column("user_id", "VARCHAR", distinct=40),
            column("event_type", "VARCHAR", distinct=1, top=(("purchase", 61),)),
            column(
                "timestamp", "TIMESTAMP WITH TIME ZONE", distinct=60, time=time, minimum=time.first, maximum=time.last
            ),
            numeric("price", 61, skew=0.4),
        )

    def relationships(self, *inputs: AssetRef) -> AssetRef:
        link = reports.Relationship(
            child_table="events",
            child_column="product_id",
            parent_table="products",
            parent_column="product_id",
            rows=160,
            matched_rows=158,
            match_rate=0.9875,
            orphan_values=2,
            coverage=0.93,
        )
        report = reports.Relationships(relationships=(link,))
        return self.publish(specs.RELATIONSHIPS, *inputs, stage="relate", texts={reports.RELATIONSHIPS_REPORT: report})

    def models(self, products: AssetRef, events: AssetRef) -> AssetRef:
        vectors = self.publish(
            specs.PRODUCT_EMBEDDINGS,
            products,
            stage="embed",
            tables={"vectors-0.parquet": pa.table({"product_id": ["p1", "p2"]})},
            metrics={"encoder": "minilm", "dimension": 384, "precision": "bf16"},
        )
        clusters = self.clusters(products, vectors, events)
        self.associations(products, events, clusters)
        self.duplicates(products, vectors)
        leakage = (
            reports.LeakageCheck(
                name="no_event_after_cutoff", is_clean=True, detail=f"0 of 160 training events. {self.hostile}"
            ),
        )
        split = self.split(events, leakage)
        history = pa.table(
            {"step": [0, 10, 20, 30], "loss": [2.1, 1.4, 1.1, 1.05], "ndcg_at_10": [0.08, None, 0.09, 0.091]}
        )
        encoder = self.publish(
            specs.ENCODER,
            products,
            split,
            stage="finetune",
            tables={"history.parquet": history},
            texts={"weights": "…"},
        )
        metrics = tuple(
            reports.MetricValue(
                model=model,
                split="test",
                metric=metric,
                value=value * factor,
                low=value * factor * 0.93,
                high=value * factor * 1.08,
            )
            for model, value in zip(MODELS, SCORES, strict=True)
            for metric, factor in (
                ("ndcg_at_10", 1.0),
                ("recall_at_10", 1.7),
                ("mrr_at_10", 0.8),
                ("recall_at_50", 2.6),
            )
        )
        evaluation = reports.EvaluationReport(
            models=MODELS,
            metrics=metrics,
            weights={"item_knn": 0.6, "finetuned_encoder": 0.4},
            leakage=leakage,
            users={"test": 40, "test_able": 38, "test_asked": 37},
            events={"test": 40},
            products=61,
            cutoffs={"test": "2026-12-01"},
        )
        evaluated = self.publish(
            specs.EVALUATION,
            products,
            split,
            vectors,
            encoder,
            stage="evaluate",
            texts={reports.EVALUATION_REPORT: evaluation},
            metrics={"gain": {"against": "item_knn", "share": 0.25, "low": self.gain_low, "high": 0.04}},
        )
        model = self.publish(
            specs.RECOMMENDER,
            products,
            split,
            vectors,
            encoder,
            stage="evaluate",
            texts={"recommender.json": "{}"},
            metrics={"weights": dict(evaluation.weights)},
        )
        registration = reports.Registration(
            name=MODEL,
            version="3",
            alias="challenger",
            decision="passed",
            reasons=("The combination stands above each of its parts.",),
            metrics={"ndcg_at_10": 0.143},
            run_id="abc",
            model_uri=f"models:/{MODEL}/3",
            tracking_uri="sqlite:///mlflow.db",
        )
        return self.publish(
            specs.REGISTRATION,
            model,
            evaluated,
            stage="register",
            texts={reports.REGISTRATION_REPORT: registration, "card.md": f"# Card\n\n{self.hostile}"},
            metrics={
                "gain": "+25 % against ItemKNN.",
                "search": "Search was not measured.",
                "search_warning": f"Training made search worse. {self.hostile}",
            },
        )

    def clusters(self, *inputs: AssetRef) -> AssetRef:
        table = pa.table(
            {
                "cluster_id": [0, 1, 2],
                "name": ["pens, markers", self.hostile, "paper"],
                "words": [["pen", "marker", "ink"], [self.hostile], ["paper", "folder"]],
                "size": [12, 30, 19],
                "event_share": [0.2, 0.5, 0.3],
                "revenue_share": [0.1, 0.6, 0.3],
            }
        )
        return self.publish(specs.CLUSTERS, *inputs, stage="cluster", tables={"clusters.parquet": table})

    def associations(self, *inputs: AssetRef) -> AssetRef:
        table = pa.table(
            {
                "attribute": ["category", "brand"],
                "origin": ["pens", self.hostile],
                "destination": ["paper", "brand1"],
                "support": [40, 12],
                "support_share": [0.4, 0.12],
                "confidence": [0.5, 0.3],
                "lift": [2.1, 1.4],
            }
        )
        return self.publish(specs.ASSOCIATIONS, *inputs, stage="associate", tables={"associations.parquet": table})

    def duplicates(self, *inputs: AssetRef) -> AssetRef:
        groups = pa.table(
            {"group_id": [0, 1], "kind": ["near", "exact"], "size": [2, 3], "text": [self.hostile, "red pen"]}
        )
        members = pa.table(
            {
                "group_id": [0, 0],
                "product_id": ["p1", "p2"],
                "title": ["red pen", self.hostile],
                "kind": ["near", "near"],
                "similarity": [1.0, 0.98],
            }
        )
        return self.publish(
            specs.DUPLICATES,
            *inputs,
            stage="deduplicate",
            tables={"groups.parquet": groups, "members.parquet": members},
        )

    def split(self, events: AssetRef, leakage: tuple[reports.LeakageCheck, ...]) -> AssetRef:
        report = reports.SplitReport(
            method="last_out",
            reason=f"Most users return within the span. {self.hostile}",
            positive_events=("purchase",),
            min_history=1,
            users={"train": 40, "test": 40},
            events={"train": 80, "test": 40},
            cutoffs={"test": "the last event of each user"},
            leakage=leakage,
        )
        rows = pa.table({"user_id": ["u1"]})
        return self.publish(
            specs.SPLIT,
            events,
            stage="split",
            tables={"interactions.parquet": rows},
            texts={reports.SPLIT_REPORT: report},
        )


def accounting(
    read: int, kept: int, merged: int, quarantined: int, rules: Mapping[str, int] | None = None
) -> dict[str, Any]:  # JSON values of any shape
    rows = {"rows_read": read, "rows_kept": kept, "rows_merged": merged, "rows_quarantined": quarantined}
    return {**rows, "sources": {"items.csv": rows}, "rules": dict(rules or {})}


def finding(
    table: str,
    column: str | None,
    kind: str,
    severity: str,
    count: int,
    share: float,
    message: str,
    keys: str | None = None,
) -> Finding:
    return Finding.model_validate(
        {
            "id": f"{table}-{column}-{kind}",
            "table": table,
            "column": column,
            "kind": kind,
            "severity": severity,
            "dimension": "normativity",
            "count": count,
            "share": share,
            "message": message,
            "examples": (HOSTILE,),
            "keys": keys,
            "action": "Mend the feed that fills this column.",
        }
    )


def expectation(column: str, kind: str, severity: str, is_met: bool, example: str) -> reports.ExpectationResult:
    return reports.ExpectationResult.model_validate(
        {
            "id": f"{column}_{kind}",
            "column": column,
            "expectation": kind,
            "severity": severity,
            "reason": "A product that cannot be named cannot be shown.",
            "is_met": is_met,
            "checked": 61,
            "failed": 0 if is_met else 3,
            "share": 0.0 if is_met else 3 / 61,
            "examples": () if is_met else (example,),
            "failing": None if is_met else f"failing/{column}.parquet",
            "parameters": {"min_value": "0"} if column == "price" else {},
        }
    )


def column(
    name: str,
    kind: str,
    *,
    distinct: int,
    nulls: int = 0,
    minimum: str | None = "a",
    maximum: str | None = "z",
    top: tuple[tuple[str, int], ...] = (),
    text: reports.TextProfile | None = None,
    time: reports.TimeProfile | None = None,
) -> reports.ColumnProfile:
    return reports.ColumnProfile(
        name=name,
        type=kind,
        rows=61,
        nulls=nulls,
        distinct=distinct,
        is_distinct_exact=distinct < 60,
        minimum=minimum,
        maximum=maximum,
        mean=None,
        std=None,
        skewness=None,
        quantiles={},
        top_values=tuple(reports.ValueCount(value=value, count=number) for value, number in top),
        histogram=(),
        text=text,
        time=time,
    )


def numeric(name: str, rows: int, skew: float) -> reports.ColumnProfile:
    bins = tuple(
        reports.Bin(low=float(i * 5), high=float(i * 5 + 5), count=round(rows * math.exp(-i / (3 + skew))))
        for i in range(20)
    )
    return reports.ColumnProfile(
        name=name,
        type="DOUBLE",
        rows=61,
        nulls=61 - rows,
        distinct=rows,
        is_distinct_exact=True,
        minimum="0.25",
        maximum="99.5",
        mean=23.456,
        std=12.3,
        skewness=skew,
        quantiles={"0.01": 0.5, "0.25": 9.0, "0.5": 21.0, "0.75": 38.0, "0.99": 97.0},
        top_values=(),
        histogram=bins,
        text=None,
        time=None,
    )


def with_outlier(column: reports.ColumnProfile) -> reports.ColumnProfile:
    tail = reports.Bin(low=column.histogram[-1].high, high=5e6, count=3, is_tail=True)
    return column.model_copy(update={"histogram": (*column.histogram, tail), "maximum": "5000000.0"})


def text_profile() -> reports.TextProfile:
    return reports.TextProfile(
        min_length=4, mean_length=17.5, max_length=61, empty=0, languages={"en": 0.97, "zh": 0.03}
    )
