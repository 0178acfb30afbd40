"""`@stage`: a Prefect task that skips what is already there, retries what may pass, and records what it made."""

from __future__ import annotations

import functools
import inspect
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal

from prefect import get_run_logger
from prefect.assets import Asset, AssetProperties
from prefect.client.schemas.objects import State
from prefect.exceptions import MissingContextError
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.tasks import MaterializingTask

from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.manifest import Manifest, Verdict
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore, Draft
from tasks.errors import PandianError, StageNotRunError

Mode = Literal["run", "refresh", "present"]
"""`run` skips what is there, `refresh` makes it again, `present` demands that it is there."""

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
    """One stage at work under one recipe: what it reads, what it writes, where it keeps unfinished work.

    Args:
        is_refresh: What it writes takes the place of what is there.
    """

    def __init__(self, store: AssetStore, recipe: Recipe, run_id: str, *, is_refresh: bool = False) -> None:
        self.store = store
        self.recipe = recipe
        self.run_id = run_id
        self.is_refresh = is_refresh
        self._began = datetime.now(UTC)

    def path(self, ref: AssetRef) -> Path:
        """Return the verified local folder of an input."""
        return self.store.path(ref)

    def manifest(self, ref: AssetRef) -> Manifest:
        """Return the manifest of an input."""
        return self.store.manifest(ref)

    def files(self, ref: AssetRef) -> tuple[Path, ...]:
        """Return the files of an input that hold its rows, in their order."""
        return tuple(sorted(self.path(ref).glob(self.manifest(ref).main)))

    @contextmanager
    def draft(self, spec: AssetSpec) -> Iterator[Draft]:
        """Publish, as one asset, what the block writes below `draft.path`.

        Its duration begins where the stage began, or where its previous asset ended.
        """
        with self.store.draft(spec, self.recipe, run_id=self.run_id, is_refresh=self.is_refresh) as draft:
            yield draft
            draft.started_at, self._began = self._began, datetime.now(UTC)

    def scratch(self) -> Path:
        """Return a folder that outlives a crash and is removed when the stage is done."""
        return self.store.lake.scratch(f"{self.recipe.stage}-{self.recipe.version}")

    def log(self, message: str) -> None:
        """Log one line to the flow run."""
        _log(message)


class Stage:
    """A stage function as a Prefect task that materialises its assets; without Prefect it is called through `fn`."""

    def __init__(self, name: str, fn: Callable[..., StageResult], specs: Callable[..., tuple[AssetSpec, ...]]) -> None:
        self.name = name
        self.fn = fn
        self._specs = specs

    def submit(  # noqa: D417 - what stands in *args is the stage's own
        self, *args: object, store: AssetStore, label: str = "", wait_for: Iterable[object] = (), **kwargs: object
    ) -> PrefectFuture[StageResult]:
        """Start the stage on the flow's task runner; futures among the arguments are awaited first.

        Args:
            store: Where the assets lie.
            label: What tells this run of the stage from its others, for instance the table's name.
            wait_for: Futures that must be done first though they are no argument.
            kwargs: The stage's other arguments, and `mode`.
        """
        materializing: MaterializingTask[Any, StageResult] = MaterializingTask(
            fn=self._in_prefect(),
            assets=[_prefect_asset(spec, store) for spec in self._specs(*args, **kwargs)],
            name=self.name,
            task_run_name=f"{self.name} {label}".strip(),
            retries=RETRIES,
            retry_delay_seconds=RETRY_DELAYS_S,
            retry_condition_fn=is_transient,
            persist_result=False,
        )
        return materializing.submit(*args, store=store, wait_for=list(wait_for), **kwargs)

    def keys(self, *args: object, **kwargs: object) -> tuple[str, ...]:
        """Return the keys of the assets that the stage makes of these arguments."""
        return tuple(spec.key for spec in self._specs(*args, **kwargs))

    def _in_prefect(self) -> Callable[..., Any]:  # a result, or a state that carries one: Prefect takes both
        fn = self.fn

        @functools.wraps(fn)
        def run(*args: object, **kwargs: object) -> StageResult | State[StageResult]:
            result = fn(*args, **kwargs)
            # Prefect's own word for a task run whose result was there: it emits no materialisation for it.
            return Completed(name="Cached", data=result) if result.status == "skipped" else result

        return run


def stage(
    name: str,
    *,
    revision: int,
    produces: Callable[..., Iterable[AssetSpec]],
    is_kept: Callable[..., bool] = lambda **_: True,
) -> Callable[[Callable[..., None]], Stage]:
    """Turn `fn(…, build)` into a stage.

    The function's arguments are references, configurations and plain values: they are the recipe. It is called with a
    `build` only when the assets of that recipe are not all there.

    Args:
        name: The stage's name, a verb.
        revision: Raise it when the stage's logic changes its output.
        produces: Takes the same arguments and returns the specs of the assets made, the primary one first.
        is_kept: Takes the same arguments, the `recipe`'s version and the `store`; returns whether what no recipe tells
            is as it was: what the stage left outside of the lake, or read of it. Where it is not, the stage runs again
            though its assets are there.
    """

    def decorate(fn: Callable[..., None]) -> Stage:
        signature = inspect.signature(fn)

        def specs(*args: object, mode: Mode = "run", **kwargs: object) -> tuple[AssetSpec, ...]:
            bound = signature.bind_partial(*args, **kwargs)
            bound.apply_defaults()
            return tuple(produces(**bound.arguments))

        def run(*args: object, store: AssetStore, mode: Mode = "run", **kwargs: object) -> StageResult:
            bound = signature.bind_partial(
                *map(_as_reference, args), **{k: _as_reference(v) for k, v in kwargs.items()}
            )
            bound.apply_defaults()
            recipe = Recipe.of(name, revision, bound.arguments)
            call = _Call(fn, bound.arguments, recipe, tuple(produces(**bound.arguments)), is_kept)
            return _run(call, store=store, mode=mode)

        run.__name__ = run.__qualname__ = fn.__name__
        run.__doc__ = fn.__doc__
        run.__module__ = fn.__module__
        run.__signature__ = _outer(signature)  # type: ignore[attr-defined]  # what Prefect binds arguments to
        return Stage(name, run, specs)

    return decorate


def code_revision() -> str:
    """Return pandian's version, with the commit where it runs from a checkout: `0.1.0+g1a2b3c4`."""
    version = metadata.version("pandian")
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return version
    return f"{version}+g{commit}"


def is_transient(task: object, task_run: object, state: Any) -> bool:  # a Prefect state of any result
    """Return whether a failed task run may pass when tried again: Prefect's retry condition."""
    try:
        state.result()
    except PandianError as error:
        return error.is_transient
    except Exception:  # noqa: BLE001 - any other failure is a bug, and a bug is not retried
        return False
    return False


@dataclass(frozen=True, slots=True)
class _Call:
    fn: Callable[..., None]
    arguments: dict[str, Any]  # the stage's own arguments, of any type
    recipe: Recipe
    specs: tuple[AssetSpec, ...]
    is_kept: Callable[..., bool]


def _run(call: _Call, *, store: AssetStore, mode: Mode) -> StageResult:
    begun = time.perf_counter()
    recipe = call.recipe
    refs = tuple(AssetRef(spec.key, recipe.version) for spec in call.specs)
    with store.lake.lock(f"{recipe.stage}-{recipe.version}"):
        is_present = _is_present(refs, store=store, mode=mode)
        is_refresh = mode == "refresh"
        if is_present and mode == "run" and not call.is_kept(**call.arguments, recipe=recipe.version, store=store):
            is_present, is_refresh = False, True
        if not is_present:
            _log(f"{recipe.stage}: making {', '.join(map(str, refs))}")
            build = Build(store, recipe, flow_run.get_id() or "by-hand", is_refresh=is_refresh)
            call.fn(**call.arguments, build=build)
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


def _is_present(refs: tuple[AssetRef, ...], *, store: AssetStore, mode: Mode) -> bool:
    if mode == "refresh":
        return False
    is_present = min(store.is_intact(ref) for ref in refs)  # every one is looked at, so every damaged one is named
    if mode == "present" and not is_present:
        raise StageNotRunError(assets=list(map(str, refs)), fix="Run without `--only` and `--from` once.")
    return is_present


def _prefect_asset(spec: AssetSpec, store: AssetStore) -> Asset:
    lake = store.url if "://" in store.url else Path(store.url).resolve().as_uri()
    return Asset(
        key=f"{lake}/{spec.key}".replace(" ", "%20"),
        properties=AssetProperties(name=spec.title, description=spec.grain, owners=[store.owner_of(spec)]),
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
    mode = inspect.Parameter("mode", inspect.Parameter.KEYWORD_ONLY, default="run", annotation=Mode)
    return signature.replace(parameters=[*inner, store, mode], return_annotation=StageResult)


def _log(message: str) -> None:
    try:
        get_run_logger().info(message)
    except MissingContextError:
        return
