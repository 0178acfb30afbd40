"""`@stage`: a Prefect task that skips what is already there, retries what may pass, and records what it made."""

from __future__ import annotations

import functools
import inspect
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Generic, Literal, ParamSpec, cast

from prefect import Task, get_run_logger, task
from prefect.exceptions import MissingContextError
from prefect.runtime import flow_run

from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.manifest import Manifest, Verdict
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore, Draft
from tasks.errors import PandianError

P = ParamSpec("P")

RETRIES: Final = 2
RETRY_DELAYS_S: Final = [2.0, 10.0]


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage gives to the next ones. A stage that is handed a result takes it as a reference to `primary`.

    Args:
        status: `run`, or `skipped` where the assets were already there.
        refs: Every asset of the stage, the primary one first.
    """

    stage: str
    status: Literal["run", "skipped"]
    refs: tuple[AssetRef, ...]
    verdict: Verdict | None
    duration_s: float

    @property
    def primary(self) -> AssetRef:
        """The asset that the next stages read."""
        return self.refs[0]

    def __getitem__(self, key: str) -> AssetRef:
        return next(ref for ref in self.refs if ref.key == key)


class Build:
    """One stage at work under one recipe: what it reads, what it writes, where it keeps unfinished work."""

    def __init__(self, store: AssetStore, recipe: Recipe, run_id: str) -> None:
        self.store = store
        self.recipe = recipe
        self.run_id = run_id

    def path(self, ref: AssetRef) -> Path:
        """Return the verified local folder of an input."""
        return self.store.path(ref)

    def manifest(self, ref: AssetRef) -> Manifest:
        """Return the manifest of an input."""
        return self.store.manifest(ref)

    def draft(self, spec: AssetSpec) -> AbstractContextManager[Draft]:
        """Publish, as one asset, what the block writes below `draft.path`."""
        return self.store.draft(spec, self.recipe, run_id=self.run_id)

    def scratch(self) -> Path:
        """Return a folder that outlives a crash and is removed when the stage is done."""
        return self.store.lake.scratch(f"{self.recipe.stage}-{self.recipe.version}")

    def log(self, message: str) -> None:
        """Log one line to the flow run."""
        _log(message)


class Stage(Generic[P]):
    """A Prefect task around a stage function, callable, submittable, and testable through `fn`."""

    def __init__(self, prefect_task: Task[Any, StageResult]) -> None:
        self.task = prefect_task
        self.name: str = prefect_task.name

    @property
    def fn(self) -> Callable[..., StageResult]:
        """The stage without Prefect, still skipping and recording."""
        return cast("Callable[..., StageResult]", self.task.fn)

    def submit(self, *args: object, label: str = "", wait_for: Iterable[object] = (), **kwargs: object) -> Any:  # PrefectFuture
        """Start the stage on the flow's task runner; futures among the arguments are awaited first."""
        name = f"{self.name} {label}".strip()
        submit = cast("Any", self.task.with_options(task_run_name=name)).submit
        return submit(*args, wait_for=list(wait_for), **kwargs)


def stage(
    name: str, *, revision: int, produces: Callable[..., Iterable[AssetSpec]]
) -> Callable[[Callable[..., None]], Stage[P]]:
    """Turn `fn(…, build)` into a stage.

    The function's arguments are references, configurations and plain values: they are the recipe. It is called with a
    `build` only when the assets of that recipe are not all there.

    Args:
        revision: Raise it when the stage's logic changes its output.
        produces: Takes the same arguments and returns the specs of the assets made, the primary one first.
    """

    def decorate(fn: Callable[..., None]) -> Stage[P]:
        signature = inspect.signature(fn)

        @functools.wraps(fn)
        def run(*args: object, store: AssetStore, **kwargs: object) -> StageResult:
            bound = signature.bind_partial(*map(_as_reference, args), **{k: _as_reference(v) for k, v in kwargs.items()})
            bound.apply_defaults()
            recipe = Recipe.of(name, revision, bound.arguments)
            specs = tuple(produces(**bound.arguments))
            return _run(fn, bound.arguments, recipe=recipe, specs=specs, store=store)

        del run.__wrapped__  # type: ignore[attr-defined]  # Prefect would read the inner signature, which has no store
        run.__signature__ = _outer(signature)  # type: ignore[attr-defined]  # what Prefect binds arguments to
        return Stage(
            task(
                run,
                name=name,
                retries=RETRIES,
                retry_delay_seconds=RETRY_DELAYS_S,
                retry_condition_fn=_is_transient,
                persist_result=False,
            )
        )

    return decorate


def code_revision() -> str:
    """Return pandian's version, with the commit where it runs from a checkout: `0.1.0+g1a2b3c4`."""
    version = metadata.version("pandian")
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return version
    return f"{version}+g{commit}"


def _run(
    fn: Callable[..., None],
    arguments: dict[str, Any],  # the stage's own arguments, of any type
    *,
    recipe: Recipe,
    specs: tuple[AssetSpec, ...],
    store: AssetStore,
) -> StageResult:
    begun = time.perf_counter()
    refs = tuple(AssetRef(spec.key, recipe.version) for spec in specs)
    with store.lake.lock(f"{recipe.stage}-{recipe.version}"):
        is_present = all([store.is_intact(ref) for ref in refs])
        if not is_present:
            _log(f"{recipe.stage}: making {', '.join(map(str, refs))}")
            build = Build(store, recipe, run_id=flow_run.get_id() or "by-hand")
            fn(**arguments, build=build)
            shutil.rmtree(build.scratch(), ignore_errors=True)
    manifest = store.manifest(refs[0])
    seconds = time.perf_counter() - begun
    rows = "" if manifest.rows is None else f", {manifest.rows:,} rows"
    _log(f"{recipe.stage}: {refs[0]} {'was there' if is_present else 'made'}{rows}, {seconds:.1f} s")
    return StageResult(
        stage=recipe.stage,
        status="skipped" if is_present else "run",
        refs=refs,
        verdict=manifest.verdict,
        duration_s=seconds,
    )


def _as_reference(value: object) -> object:
    if isinstance(value, StageResult):
        return value.primary
    if isinstance(value, list | tuple):
        return type(value)(_as_reference(item) for item in value)
    if isinstance(value, dict):
        return {key: _as_reference(item) for key, item in value.items()}
    return value


def _outer(signature: inspect.Signature) -> inspect.Signature:
    inner = [item for name, item in signature.parameters.items() if name != "build"]
    store = inspect.Parameter("store", inspect.Parameter.KEYWORD_ONLY, annotation=AssetStore)
    return signature.replace(parameters=[*inner, store], return_annotation=StageResult)


def _is_transient(task: object, task_run: object, state: Any) -> bool:  # the three that Prefect passes
    try:
        state.result()
    except PandianError as error:
        return error.is_transient
    except Exception:  # noqa: BLE001 - any other failure is a bug, and a bug is not retried
        return False
    return False


def _log(message: str) -> None:
    try:
        get_run_logger().info(message)
    except MissingContextError:
        return
