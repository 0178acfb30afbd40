"""Every word that the pages say of their own. Another language is another `Words`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tasks.inventory.figures import compact, count

NAME: Final = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of the pages in one language. Names in braces are filled in."""

    language: str
    severities: Mapping[str, str]
    verdicts: Mapping[str, str]
    decisions: Mapping[str, str]
    model_states: Mapping[str, str]
    stage_states: Mapping[str, str]
    dimensions: Mapping[str, str]
    stages: Mapping[str, str]
    kinds: Mapping[str, str]
    metrics: Mapping[str, str]
    models: Mapping[str, str]
    facts: Mapping[str, str]
    nouns: Mapping[str, tuple[str, str]]
    previews: Mapping[str, str]
    standardised: Mapping[str, str]

    skip: str = "Skip to the content"
    inventory: str = "Data-asset inventory"
    as_of: str = "As of {time}, code {code}, run {run}"
    nothing_yet: str = "There are no assets yet."
    not_in_this_run: str = "not in this run"
    made_by: str = "Made by pandian 盘点. Everything on this page stands in the manifests of the lake."
    on_this_page: str = "On this page"

    assets: str = "Assets"
    rows: str = "Rows"
    quality: str = "Quality"
    model: str = "Model"
    in_kinds: str = "in {kinds}, and these pages"
    whole_size: str = "{size} with {files} read"
    assets_note: str = (
        "Source files are told on the pages of their tables. These pages are one more asset, `inventory/catalogue`."
    )
    in_tables: str = "in {tables}"
    no_model: str = "No model"
    no_model_why: str = "This stocktake has neither evaluated nor registered one."
    decided_by: str = "by {by}: {reason}"
    champion_is: str = "Champion: version {version}"
    champion_again: str = "Champion: version {version}, again"
    no_champion: str = "No champion"
    version_is: str = "Version {version}"
    not_registered: str = "evaluated, not registered"
    over_best: str = "{gain} against the best part, {part}"
    like_best: str = "not distinguishable from the best part, {part}"
    pipeline: str = "How it was made"
    pipeline_note: str = "From the raw tables on the left to the registered model on the right."
    stage: str = "Stage"
    stage_ingest: str = "{tables}, {rows}"
    stage_profile: str = "{columns}, {links}"
    stage_embed: str = "{vectors}"
    stage_analyze: str = "{clusters}, {duplicates}"
    stage_finetune: str = "{interactions}"
    stage_evaluate: str = "NDCG@10 {value}"
    stage_register: str = "version {version}, {state}"
    stage_assets: str = "{assets}, {duration}"
    stage_files: str = "{assets}, {files}, {duration}"

    tables: str = "Tables"
    table: str = "Table"
    columns: str = "Columns"
    column: str = "Column"
    size: str = "Size"
    verdict: str = "Verdict"
    findings: str = "Findings"
    quarantined: str = "Quarantined"
    missing_cells: str = "Missing"
    not_validated: str = "not validated"
    no_findings: str = "Nothing was found."
    finding: str = "Finding"
    severity: str = "Severity"
    where: str = "Where"
    share: str = "Share"
    action: str = "What to do"
    examples: str = "Examples"
    failing_keys: str = "Every failing key"
    more_findings: str = "{more} more stand on the pages of their tables."
    of_rows: str = "{count} rows, {share}"

    comparison: str = "The model and its parts"
    comparison_note: str = (
        "{metric} on the test split with its 95 % interval; for each of {users}, all {products} are ranked."
    )
    split: str = "Split"
    split_test: str = "All metrics on the test split"
    registered_as: str = "Registered as {name}, version {version}."
    leakage: str = "Leakage checks"
    clean: str = "clean"
    leaks: str = "leaks"
    weights: str = "Weights of the parts"
    reasons: str = "Reasons"
    card: str = "Model card"
    training: str = "Training"
    step: str = "Step"

    clusters_title: str = "What is in the catalogue"
    clusters: str = "Clusters"
    clusters_note: str = "Products grouped by the meaning of their texts; the {shown} largest of {total} groups."
    cluster: str = "Cluster"
    products: str = "Products"
    event_share: str = "Share of events"
    revenue_share: str = "Share of revenue"

    relationships: str = "How the tables hang together"
    refers_to: str = "refers to"
    matched: str = "Rows that match"
    coverage: str = "Keys in use"
    orphans: str = "Values without a match"

    all_assets: str = "All assets"
    filter: str = "Filter"
    filter_hint: str = "key, title, owner …  (press /)"
    shown_of: str = "{shown} of {total}"
    asset: str = "Asset"
    owner: str = "Owner"
    made: str = "Made"
    made_utc: str = "Made (UTC)"
    version: str = "Version"
    alias: str = "Alias"
    taken_out: str = "Taken out of use"
    champion_now: str = "Champion again"
    champion_before: str = "Champion before"
    approved_by: str = "approved by {by}: {reason}"
    who: str = "Who"
    when: str = "When"
    took: str = "Took"

    behind: str = "behind"
    behind_note: str = "Made from an older version of {inputs}. `pandian run` makes it again."
    behind_title: str = "Made from an older version of what it needs"
    some_behind: str = (
        "{assets} made from older versions of what they need, marked “behind” below. `pandian run` makes them again."
    )

    about: str = "About this asset"
    grain: str = "Grain"
    content_digest: str = "Content digest"
    code_revision: str = "Code"
    run: str = "Run"
    seed: str = "Seed"
    format: str = "Format"
    place: str = "Place in the lake"
    arguments: str = "Arguments of the recipe"
    recipe_revision: str = "revision {revision}"
    inputs: str = "Made from"
    files: str = "Files"
    file: str = "File"
    digest: str = "SHA-256"
    more_files: str = "{more} more are in its manifest.json."
    lineage: str = "Lineage"
    lineage_note: str = "From what it was made, on the left, to what was made from it, on the right."
    lineage_elsewhere: str = (
        "Nothing of what it was made from, under “Made from” below, is current any more, so there is nothing to draw."
    )
    lineage_cut: str = "There are too many for one picture: only its neighbours are shown."
    measures: str = "Measures"
    schema: str = "Schema"
    type: str = "Type"

    accounting: str = "Where every row went"
    accounting_note: str = "{read} rows read = {kept} kept + {merged} merged + {quarantined} quarantined."
    source: str = "Source"
    read: str = "Read"
    kept: str = "Kept"
    merged: str = "Merged"
    rules: str = "What the rules changed"
    rule: str = "Rule"
    what_was_done: str = "What was done"
    values: str = "Values"
    nothing_quarantined: str = "No row was set aside."
    why_quarantined: str = "Why rows were set aside"
    all_quarantined: str = "All of them, with file, line, reason and the row as it was read:"
    first_of: str = "The first {shown} of {total} rows."
    line: str = "Line or row"
    detail: str = "What is wrong"
    row: str = "Row as it was read"
    reason: str = "Reason"
    blocked_note: str = "The suite blocked this table: nothing that depends on it was made in this stocktake."

    profile: str = "Profile"
    described_table: str = "{rows} and {columns} in the table"
    own_table: str = "{rows} and {columns} in the profile's own table"
    full_profile: str = "Full profile"
    nulls: str = "Nulls"
    distinct: str = "Distinct"
    range: str = "Range"
    distribution: str = "Distribution"
    most_in_a_bar: str = "max {count}"
    tail_below: str = "Paler, not to scale: {rows} below {end}, down to {furthest}."
    tail_above: str = "Paler, not to scale: {rows} of {end} or more, up to {furthest}."
    mean: str = "Mean"
    elements: str = "{range} elements"
    counted_lengths: str = (
        "Range, mean, skewness and quantiles tell how many elements a value has; the frequent values are elements."
    )
    deviation: str = "Standard deviation"
    skewness: str = "Skewness"
    quantiles: str = "Quantiles"
    top_values: str = "Most frequent values"
    per_month: str = "Rows over time"
    coverage_note: str = "Rows on {days} of {span} days, longest gap {gap} days"
    text_lengths: str = "Length in characters"
    languages: str = "Languages"
    estimated: str = "about {value}"
    empty_texts: str = "{count} empty"
    key: str = "key"
    keys: str = "Keys"
    no_keys: str = "No column, nor any small set of them, is unique."
    correlations: str = "Correlations"
    correlations_note: str = "Pearson's coefficient of numeric columns. Deeper colour is stronger; a minus is a minus."
    columns_left_out: str = "{count} more columns are in profile.json."
    no_profile: str = "This table has not been profiled in this stocktake."

    suite: str = "Suite"
    validation_note: str = "{met} of {total} rules hold over {rows} rows."
    partitions_note: str = "They were judged in {partitions} partitions."
    expectation: str = "Rule"
    blocks: str = "blocks the table"
    warns: str = "warns"
    holds: str = "holds"
    fails: str = "fails"
    failed: str = "Failed"
    checked: str = "Checked"
    data_docs: str = "Great Expectations Data Docs"
    why: str = "What a breach does"
    the_table: str = "The table"
    results: str = "Rules"

    method: str = "Method"
    users: str = "Users"
    events: str = "Events"
    begins: str = "Begins"
    preview: str = "First rows"
    preview_note: str = "{shown} of {total} rows of {file}"

    def noun(self, number: int, name: str) -> str:
        """Return a noun as it stands after a number."""
        one, many = self.nouns.get(name, (name, f"{name}s"))
        return one if number == 1 else many

    def some(self, number: int, name: str) -> str:
        """Return so many of a thing: `1 table`, `22.5 M rows`."""
        return f"{compact(number)} {self.noun(number, name)}"

    def exactly(self, number: int, name: str) -> str:
        """Return so many of a thing, all digits of the number: `22,504,118 rows`."""
        return f"{count(number)} {self.noun(number, name)}"

    def some_were(self, number: int, name: str) -> str:
        """Return so many of a thing and its verb: `1 asset was`, `3 assets were`."""
        return f"{self.some(number, name)} {'was' if number == 1 else 'were'}"

    def fact(self, name: str) -> str:
        """Return the words for a measure of a manifest; an unknown one is spelled out, a name of a file stays."""
        if not NAME.fullmatch(name):
            return name
        known = self.facts.get(name) or self.models.get(name) or self.metrics.get(name)
        return known or _spelled(name)

    def done_by(self, rule: str) -> str:
        """Return what a rule of ingest does to a value; an unknown one is spelled out."""
        return self.standardised.get(rule) or _spelled(rule)


def _spelled(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()


ENGLISH: Final = Words(
    language="en",
    severities={"critical": "critical", "warning": "warning", "info": "info"},
    verdicts={"passed": "passed", "warned": "warned", "blocked": "blocked"},
    decisions={"passed": "passed by the gate", "refused": "refused by the gate"},
    model_states={
        "refused": "refused by the gate",
        "waiting": "challenger, waiting for review",
        "approved": "approved, not promoted yet",
        "rejected": "rejected by a reviewer",
        "champion": "champion",
        "replaced": "champion before",
        "rolled back": "rolled back, rejected",
    },
    stage_states={
        "refused": "refused",
        "waiting": "challenger",
        "approved": "approved",
        "rejected": "rejected",
        "champion": "champion",
        "replaced": "replaced",
        "rolled back": "rolled back",
    },
    dimensions={
        "normativity": "normativity 规范性",
        "completeness": "completeness 完整性",
        "accuracy": "accuracy 准确性",
        "consistency": "consistency 一致性",
        "timeliness": "timeliness 时效性",
        "accessibility": "accessibility 可访问性",
    },
    stages={
        "ingest": "Ingest",
        "validate": "Validate",
        "profile": "Profile",
        "embed": "Embed",
        "analyze": "Analyze",
        "finetune": "Fine-tune",
        "evaluate": "Evaluate",
        "register": "Register",
    },
    kinds={
        "tables": "Table",
        "quarantine": "Quarantine",
        "validations": "Validation",
        "profiles": "Profile",
        "embeddings": "Embeddings",
        "analysis": "Analysis",
        "splits": "Split",
        "models": "Model",
        "evaluations": "Evaluation",
        "registrations": "Registration",
        "inventory": "Inventory",
    },
    metrics={
        "ndcg_at_10": "NDCG@10",
        "ndcg_at_50": "NDCG@50",
        "recall_at_10": "Recall@10",
        "recall_at_50": "Recall@50",
        "mrr_at_10": "MRR@10",
        "mrr_at_50": "MRR@50",
        "search_ndcg_at_10": "Search NDCG@10",
        "known_item_mrr_at_10": "Known-item MRR@10",
        "known_item_recall_at_10": "Known-item Recall@10",
    },
    models={
        "popularity": "Popularity",
        "buy_again": "Buy-again",
        "due_again": "Due-again",
        "item_knn": "ItemKNN",
        "raw_encoder": "Raw encoder",
        "finetuned_encoder": "Fine-tuned encoder",
        "combination": "Combination",
        "words": "TF-IDF",
        "ease": "EASE",
    },
    facts={
        "rows_read": "Rows read",
        "rows_kept": "Rows kept",
        "rows_merged": "Rows merged",
        "rows_quarantined": "Rows quarantined",
        "unique_texts": "Distinct texts",
    },
    nouns={
        "critical": ("critical", "critical"),
        "info": ("info", "info"),
        "duplicate": ("duplicate", "duplicates"),
        "file": ("file", "files"),
    },
    previews={
        "groups.parquet": "Groups of products that are the same, or nearly",
        "members.parquet": "Products in groups, near duplicates first",
        "associations.parquet": "From what users move on to what",
    },
    standardised={
        "trim": "Spaces around the value dropped",
        "list_literal": "List joined to a text",
        "markup": "HTML tags dropped",
        "entities": "HTML entities replaced by their characters",
        "control_characters": "Byte order marks and control characters dropped",
        "nfc": "Characters composed in one way (Unicode NFC)",
        "float_id": "Decimals of an id dropped, 12.0 to 12",
        "null_word": "Word for nothing read as empty",
        "number_text": "Number read out of a text",
        "price_text": "Price read out of a text, as $1,299.00",
        "price_scale": "Price divided by the scale that the source declares",
        "category_path": "Category path split into its levels",
        "language_code": "Language code spelled in one way, pt_BR to pt-br",
        "currency_code": "Currency code spelled in capitals",
        "event_vocabulary": "Event type told in the words of all shops",
        "timestamp_iso": "Time read as ISO 8601, 2024-01-31",
        "timestamp_unix_s": "Time read as seconds since 1970",
        "timestamp_unix_ms": "Time read as milliseconds since 1970",
        "timestamp_month_first": "Date read month first, 01/31/2024",
        "timestamp_day_first": "Date read day first, 31/01/2024",
        "date_guessed": "Date that could be day first or month first",
        "nanoseconds": "Time cut to microseconds",
    },
)
