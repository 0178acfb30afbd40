"""What a person reads at the end of a run, and when asking the inventory: tables as text."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from flows.printable import printable
from flows.report import AssetReport, ModelReport, RunReport, counted
from tasks.assets.asset import AssetRef
from tasks.assets.manifest import Manifest, Severity
from tasks.assets.reports import EvaluationReport
from tasks.assets.specs import table_of
from tasks.register.measures import name_of

if TYPE_CHECKING:
    from tasks.register.registry import Version
    from tasks.retrieval.recommender import Recommendation

HEADLINE_METRICS = ("ndcg_at_10", "recall_at_10", "mrr_at_10", "recall_at_50")
LINE_WIDTH = 76
"""Of lines that are broken here, to fit into a terminal of 80."""
MOST_FILES = 5
"""Files of one table that a lineage names one by one."""
COLOURS = {"passed": "green", "warned": "yellow", "blocked": "red", "succeeded": "green", "refused": "yellow"}


def run_summary(report: RunReport, evaluation: EvaluationReport | None, gain: str = "") -> RenderableType:
    """Return a run's summary: stages, assets, findings, and the model beside its baselines.

    Args:
        report: What the run did.
        evaluation: The comparison, where there is one.
        gain: What it says of the model, in words.
    """
    parts: list[RenderableType] = [_headline(report), *_stages(report)]
    parts += [Text(printable(line), overflow="fold") for line in (*_reasons(report), *_beside(report))]
    shown = _shown(report)
    if shown:
        parts += [Text(), _asset_table(shown, report.assets)]
    if _tells_news(report):
        parts.append(_findings_line(report.findings))
    if evaluation is not None:
        parts += [Text(), comparison(evaluation, report.model), *([Text(gain)] if gain else [])]
    return Group(*parts)


def next_steps(report: RunReport, config: Path) -> str:
    """Return where to look next, a command a line."""
    lines = []
    pandian = _command()
    if report.report and _tells_news(report):
        lines.append(f"The pages:       {report.report}")
        lines.append(f"  open them:     {sys.executable} -m webbrowser {Path(report.report).as_uri()}")
    lines.append(f"What there is:   {pandian} inventory list -c {config}")
    if _tells_news(report):
        lines.append(f"What is wrong:   {pandian} inventory findings -c {config}")
    if report.model:
        lines.append(f"The model:       {pandian} review show {report.model.version} -c {config}")
    return "\n".join(lines)


def _command() -> str:
    """How `pandian` is called from this folder: by its name where the shell finds it, by its path if not."""
    if shutil.which("pandian"):
        return "pandian"
    path = Path(sys.executable).parent / "pandian"
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def comparison(evaluation: EvaluationReport, model: ModelReport | None) -> Table:
    """Return the models' ranking metrics on the test split, the best of each in bold."""
    found = {(item.model, item.metric): item for item in evaluation.metrics if item.split == "test"}
    metrics = [name for name in HEADLINE_METRICS if any(metric == name for _, metric in found)]
    title = "Model" if model is None else f"Model {model.name} version {model.version}" + _alias(model)
    table = _table("model", *metrics, title=title)
    best = {name: max(item.value for (_, metric), item in found.items() if metric == name) for name in metrics}
    for name in evaluation.models:
        cells = [found.get((name, metric)) for metric in metrics]
        table.add_row(
            _cell(name_of(name)),
            *[
                Text(
                    "" if cell is None else f"{cell.value:.4f}", style="bold" if cell and cell.value == best[m] else ""
                )
                for m, cell in zip(metrics, cells, strict=True)
            ],
        )
    return table


def asset_list(manifests: Iterable[Manifest], replaced: Mapping[AssetRef, Sequence[str]]) -> Table:
    """Return the inventory's assets, a line each.

    Args:
        manifests: The assets.
        replaced: What was made from something that is no longer current, with the keys of that.
    """
    table = _table("asset", "version", "rows", "size", "verdict", "findings", "made (UTC)", "", right=(2, 3, 5))
    table.padding = (0, 1, 0, 0)
    shown = list(manifests)
    verdicts = _verdicts(shown, outdated=[ref.key for ref in replaced])
    for item in shown:
        table.add_row(
            _cell(item.key),
            item.version,
            _count(item.rows),
            human_bytes(item.bytes),
            _verdict(verdicts.get(item.key)),
            str(len(item.findings) or ""),
            f"{item.finished_at:%Y-%m-%d %H:%M}",
            Text(_behind(replaced.get(item.ref, ())), style="yellow"),
        )
    return table


def _behind(keys: Sequence[str]) -> str:
    if not keys:
        return ""
    return f"behind {keys[0]}" + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")


def row_list(rows: Sequence[Mapping[str, object]], total: int | None) -> RenderableType:
    """Return the first rows of an asset's table, column by column; what cannot be printed is escaped."""
    if not rows:
        return Text("It has no rows.")
    parts: list[RenderableType] = []
    for number, row in enumerate(rows, start=1):
        parts.append(Text(f"\nrow {number}" + (f" of {total:,}" if total is not None else ""), style="bold"))
        parts += [Text(printable(f"  {name}: {value}")) for name, value in row.items() if value is not None]
    return Group(*parts)


def lineage_page(asset: AssetRef, edges: Iterable[tuple[AssetRef, AssetRef]], now: Container[AssetRef]) -> str:
    """Return what an asset was made from and what was made from it, direct neighbours first.

    Args:
        asset: The asset.
        edges: Pairs of an input and what was made from it.
        now: The versions that are current; others are named as versions.
    """
    made_from: dict[AssetRef, list[AssetRef]] = {}
    used_by: dict[AssetRef, list[AssetRef]] = {}
    for origin, made in edges:
        made_from.setdefault(made, []).append(origin)
        used_by.setdefault(origin, []).append(made)
    lines = [str(asset)]
    for title, neighbours in (("Made from", made_from), ("Used by", used_by)):
        lines += ["", title, *(_levels(asset, neighbours, now) or ["  nothing in the inventory"])]
    return "\n".join(lines)


def _levels(asset: AssetRef, neighbours: Mapping[AssetRef, Sequence[AssetRef]], now: Container[AssetRef]) -> list[str]:
    """What is linked to an asset, each once, at its least distance; each step away is indented further."""
    lines: list[str] = []
    seen, level, depth = {asset}, [asset], 1
    while level:
        via = {found: ref for ref in level for found in neighbours.get(ref, ()) if found not in seen}
        seen |= set(via)
        level = sorted(via)
        for (name, through), refs in _together(level, via, now).items():
            many = f" ({len(refs)} files)" if len(refs) > 1 else ""
            lines.append(f"{'  ' * depth}{name}{many}" + (f"  by way of {through}" if depth > 1 else ""))
        depth += 1
    return lines


def _together(
    level: Iterable[AssetRef], via: Mapping[AssetRef, AssetRef], now: Container[AssetRef]
) -> dict[tuple[str, str], list[AssetRef]]:
    """Group the files of one table under one name: a year of daily files is one line."""
    grouped: dict[tuple[str, str], list[AssetRef]] = {}
    for ref in level:
        table = table_of(ref.key) if ref.key.startswith("shards/") else None
        files = f"shards/{table}/…"
        is_one_of_many = table is not None and sum(other.key.startswith(files[:-1]) for other in via) > MOST_FILES
        name = ref.key if ref in now else f"{ref}, not current"
        grouped.setdefault((files if is_one_of_many else name, via[ref].key), []).append(ref)
    return grouped


def finding_list(findings: Sequence[dict[str, object]]) -> RenderableType:
    """Return findings, a line each, with what to do."""
    if not findings:
        return Text("Nothing was found.")
    table = _table("severity", "table", "column", "kind", "rows", "message", right=(4,))
    for item in findings:
        table.add_row(
            *[_cell(item[name]) for name in ("severity", "table", "column", "kind")],
            f"{item['count']:,}",
            _cell(f"{item['message']} {item['action']}"),
        )
    return table


def answer_list(found: Sequence[Recommendation]) -> RenderableType:
    """Return products that were found or recommended, best first, with reasons."""
    if not found:
        return Text("Nothing was found.")
    table = _table("product", "title", "score", "reasons", right=(2,))
    for item in found:
        table.add_row(_cell(item.product_id), _cell(item.title), f"{item.score:.4f}", _cell("; ".join(item.reasons)))
    return table


def version_list(versions: Sequence[Version]) -> RenderableType:
    """Return registered versions, a line each."""
    if not versions:
        return Text("No model was registered yet.")
    table = _table("version", "alias", "gate", "review", "reviewer", "reason", "ndcg_at_10", right=(6,))
    for item in versions:
        brief = version_brief(item)
        words = [_cell(brief[name]) for name in ("version", "alias", "gate", "review", "reviewer", "reason")]
        value = item.metrics.get("test.combination.ndcg_at_10")
        table.add_row(*words, "" if value is None else f"{value:.4f}")
    return table


def version_brief(item: Version) -> dict[str, object]:
    """Return what `pandian review list --json` says of a version."""
    return {
        "name": item.name,
        "version": item.version,
        "alias": ", ".join(item.aliases) or None,
        "gate": item.tags.get("gate"),
        "review": item.review or None,
        "reviewer": item.tags.get("reviewer"),
        "reason": item.tags.get("review_reason") or item.tags.get("gate_reasons"),
        "metrics": dict(item.metrics),
    }


def human_bytes(size: int) -> str:
    """Return a size with a decimal unit: `21.6 MB`."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _headline(report: RunReport) -> Text:
    seconds = sum(stage.seconds for stage in report.stages)
    tables = [item for item in report.assets if item.key.startswith("tables/")]
    rows = sum(item.rows or 0 for item in tables)
    assets = counted(len(_listed(report.assets)), "asset")
    holds = f"{assets}, {counted(len(tables), 'table')} with {counted(rows, 'row')}, " if tables else ""
    text = Text.assemble(("Stocktake ", "bold"), (report.status, f"bold {COLOURS.get(report.status, 'red')}"))
    text.append(f": {holds}{seconds:.0f} s of work")
    return text


def _listed(assets: Iterable[AssetReport]) -> list[AssetReport]:
    """What a person looks for: files of sources are a matter of their tables."""
    return [item for item in assets if not item.key.startswith("shards/")]


def _shown(report: RunReport) -> list[AssetReport]:
    """The assets of the stages that were asked for."""
    asked = {stage.name for stage in report.stages if stage.is_asked}
    return [item for item in _listed(report.assets) if item.stage in asked]


def _tells_news(report: RunReport) -> bool:
    """Whether the pages and findings are of this run: a failed one that made nothing leaves them as they were."""
    return report.status != "failed" or any(not item.skipped for item in _listed(report.assets))


def _stages(report: RunReport) -> list[Text]:
    """What each stage asked for did, in lines that end between stages."""
    words = [
        f"{item.name} {item.status} {item.seconds:.1f}s"
        for item in report.stages
        if item.is_asked and item.status not in {"failed", "blocked"}
    ]
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) + 2 <= LINE_WIDTH:
            lines[-1] += f"  {word}"
        else:
            lines.append(word)
    return [Text(line, style="dim") for line in lines]


def _reasons(report: RunReport) -> Iterator[str]:
    """Why stages failed, which were not reached and why, and what stopped a run that no stage failed in."""
    failed = [stage for stage in report.stages if stage.status == "failed"]
    for stage in failed:
        yield f"{stage.name} failed {stage.seconds:.1f}s: {stage.reason}"
    if report.status == "failed" and not failed and report.problem:
        yield " ".join(report.problem.split())
    blocked: dict[str, list[str]] = {}
    begun = {item.stage for item in report.assets}
    for stage in report.stages:
        if stage.status == "blocked":
            blocked.setdefault(stage.reason, []).append(f"{'part of ' * (stage.name in begun)}{stage.name}")
    for why, names in blocked.items():
        yield f"Not reached: {', '.join(names)}. {why}"


def _beside(report: RunReport) -> Iterator[str]:
    """What was looked for beside the stages asked for, and what of it is not there or out of date."""
    found = [stage.name for stage in report.stages if not stage.is_asked and stage.status != "blocked"]
    if found or report.missing:
        yield f"Asked for: {', '.join(stage.name for stage in report.stages if stage.is_asked)}."
    if found:
        yield f"Taken as earlier runs left them, for later stages to read: {', '.join(found)}."
    if report.missing:
        yield f"Not asked for, and not there for these inputs: {', '.join(report.missing)}."


def _asset_table(shown: Sequence[AssetReport], assets: Iterable[AssetReport]) -> Table:
    table = _table("asset", "rows", "size", "verdict", "", right=(1, 2))
    verdicts = _verdicts(assets)
    for item in shown:
        verdict = verdicts.get(item.key)
        state = "unchanged" if item.skipped else ""
        cells = (_count(item.rows), human_bytes(item.bytes), _verdict(verdict), Text(state, style="dim"))
        table.add_row(_cell(item.key), *cells)
    return table


def _verdicts(assets: Iterable[AssetReport | Manifest], *, outdated: Collection[str] = ()) -> dict[str, str]:
    """Return what is said of assets, by key: a table has the verdict of its validation, where that is of this version.

    Args:
        assets: One version of each.
        outdated: Keys of assets that were made from something that is no longer current.
    """
    own = {item.key: item.verdict for item in assets if item.verdict}
    judged = {key for key in own if key.startswith("validations/") and key not in outdated}
    return own | {f"tables/{table_of(key)}": own[key] for key in judged}


def _findings_line(findings: Mapping[Severity, int]) -> Text:
    return Text("Findings: " + ", ".join(f"{count} {severity}" for severity, count in findings.items()))


def _table(*names: str, title: str | None = None, right: Sequence[int] = ()) -> Table:
    table = Table(
        title=title and Text(printable(title)),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for position, name in enumerate(names):
        is_number = position in right or (not right and position > 0)
        is_copied = name == "asset"  # to be pasted into the next command
        table.add_column(name, justify="right" if is_number else "left", overflow="fold", no_wrap=is_copied)
    return table


def _cell(value: object) -> Text:
    """What is data, as it stands there: rich would read `[red]` in a text as its own markup."""
    return Text("" if value is None else printable(str(value)))


def _alias(model: ModelReport) -> str:
    words = {"refused": "refused by the gate", "waiting": f"{model.alias}, waiting for review"}
    return f", {words.get(model.state, model.state)}"


def _count(rows: int | None) -> str:
    return "" if rows is None else f"{rows:,}"


def _verdict(verdict: str | None) -> Text:
    return Text(verdict or "", style=COLOURS.get(verdict or "", ""))
