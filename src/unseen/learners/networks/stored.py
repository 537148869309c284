"""Networks from files: code that builds them, and weights that are nothing but tensors."""

from __future__ import annotations

import importlib
import inspect
import json
import pickle
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import polars as pl
import torch
from torch import Tensor, nn

from unseen.errors import BadInput, MissingExtra
from unseen.plain_text import names

WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")
# Keys under which training code keeps the parameters beside other things.
WITHIN = ("state_dict", "model_state_dict", "model", "module", "weights")
RUNS = ("runs.csv", "runs.json", "runs.parquet")
# What stands beside the weights in a folder of Hugging Face's libraries.
SAVED = ("config.json", "adapter_config.json")
# Column of the table of runs that names the file of its weights.
RUN = "run"


def stored(
    build: str | Callable[..., nn.Module], weights: str | Path
) -> tuple[dict[str, nn.Module], dict[str, dict[str, Any]]]:
    """Networks whose weights stand in a file, or in the files of a folder.

    Args:
        build: ``module:function`` (or ``module:Class``), or what it names: gives a module without its weights. Where it has
            arguments that the table of runs names (width, depth), it is called with those.
        weights: One file (safetensors, or a torch file of tensors), or a folder of such. A folder may hold ``runs.csv``
            (or .json, .parquet): a column ``run`` with the name of the file, the others what tells the runs apart. A folder
            as Hugging Face's libraries save one (a model, in one file or in parts, or an adapter) is one run.

    Returns:
        The networks and their settings, by the names of the files.

    Raises:
        BadInput: The code can't be called, a file holds more than tensors or another architecture's, or there is none.
    """
    make = built(build) if isinstance(build, str) else build
    path = Path(weights)
    try:
        there = path.exists()
    except OSError as error:
        raise BadInput(f"{str(path)[:80]}…: can't be opened ({error.strerror}).") from error
    if not there:
        raise BadInput(f"{path}: there is no such file or folder of weights.")
    saved = [] if path.is_file() else _saved(path)
    files = [path] if path.is_file() or saved else sorted(f for f in path.iterdir() if f.suffix in WEIGHTS or _saved(f))
    if not files:
        raise BadInput(f"{path}: holds no weights ({', '.join(WEIGHTS)}).")
    known = {} if path.is_file() or saved else _runs(path)
    lacking = sorted(set(known) - {_name(f) for f in files})
    if lacking:
        raise BadInput(f"{path}: the table of runs names {names(lacking, 5)}, of which there are no weights.")
    twice = sorted({_name(f) for f in files if sum(_name(f) == _name(g) for g in files) > 1})
    if twice:
        raise BadInput(f"{path}: holds several files of {names(twice, 5)}. Leave one of each.")
    untold = sorted({_name(f) for f in files} - set(known)) if known else []
    if untold:
        raise BadInput(
            f"{path}: the table of runs does not name {names(untold, 5)}. Add a row for each, or move its weights away."
        )
    made: dict[str, nn.Module] = {}
    for file in files:
        settings = known.get(_name(file), {})
        module = _adapted(_called(make, settings, file), file)
        held: dict[str, Tensor] = {}
        for part in _saved(file) or [file]:
            held |= tensors(part)
        _load(module, held, file)
        made[_name(file)] = module
    return made, {_name(f): known.get(_name(f), {}) for f in files}


def _name(place: Path) -> str:
    return place.name if place.is_dir() else place.stem


def _saved(folder: Path) -> list[Path]:
    """Files of weights of a model or adapter that Hugging Face's libraries saved in a folder; none of another folder."""
    if not any((folder / name).is_file() for name in SAVED):
        return []
    for stem in ("adapter_model", "model", "pytorch_model"):
        for suffix in (".safetensors", ".bin"):
            if (whole := folder / f"{stem}{suffix}").is_file():
                return [whole]
            if parts := sorted(folder.glob(f"{stem}-*-of-*{suffix}")):
                return parts
    return []


def built(source: str) -> Callable[..., nn.Module]:
    """The function or class behind ``module:object``; the folder where one stands is searched too.

    Raises:
        BadInput: It can't be imported or called.
    """
    if ":" not in source:
        raise BadInput(f"--module {source}: write module:function, the function gives the network without its weights.")
    module, name = source.rsplit(":", 1)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:
        raise BadInput(f"--module {source}: can't be imported ({type(error).__name__}: {error}).") from error
    if not callable(found):
        raise BadInput(f"--module {source}: is a {type(found).__name__}, not a function or class that gives a network.")
    return cast("Callable[..., nn.Module]", found)


def tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a file of weights, by name; a file that holds anything else is not opened as code.

    Raises:
        BadInput: It is damaged, or holds more than tensors.
        MissingExtra: It is a safetensors file, and the package that reads them is not there.
    """
    if file.suffix == ".safetensors":
        try:
            from safetensors import SafetensorError
            from safetensors.torch import load_file
        except ImportError as error:
            raise MissingExtra("safetensors files", "lm") from error
        try:
            return load_file(str(file))
        except (SafetensorError, OSError) as error:
            raise BadInput(f"{file}: is no safetensors file ({error}).") from error
    try:
        held = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadInput(
            f"{file}: holds more than tensors, and opening it could run any code. Save the parameters alone: "
            "torch.save(network.state_dict(), …), or safetensors."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise BadInput(
            f"{file}: is no file of weights, or a damaged one ({str(error) or 'it ends too early'})."
        ) from error
    while isinstance(held, Mapping) and not _all_tensors(held):
        inner = [k for k in WITHIN if isinstance(held.get(k), Mapping)]
        if not inner:
            raise BadInput(
                f"{file}: holds {names([str(k) for k in held], 6)}, and no mapping of tensors under {', '.join(WITHIN)}."
            )
        held = held[inner[0]]
    if not isinstance(held, Mapping) or not held:
        raise BadInput(f"{file}: holds a {type(held).__name__}, not parameters by name.")
    return {str(k): v for k, v in cast("Mapping[str, Tensor]", held).items()}


def _all_tensors(held: Mapping[Any, Any]) -> bool:
    return bool(held) and all(isinstance(v, Tensor) for v in held.values())


def _load(module: nn.Module, given: dict[str, Tensor], file: Path) -> None:
    """Put tensors into a module; every difference is told.

    A prefix that all names share (``module.``, ``model.``, ``_orig_mod.``) is taken off where the names then fit. A file may lack
    what is tied to something that it has, and, where it holds an adapter, what the adapter leaves as it was built.
    """
    wanted = module.state_dict()
    adapted = {k.replace(".default.", "."): k for k in wanted if ".default." in k}
    given = {adapted.get(k, k): v for k, v in given.items()}
    for prefix in ("module.", "model.", "_orig_mod."):
        if not set(given) <= set(wanted) and all(k.startswith(prefix) for k in given):
            given = {k.removeprefix(prefix): v for k, v in given.items()}
    given = {**_tied(wanted, given), **given}
    missing, strange = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
    if missing and adapted and not strange:
        trained = {k for k, p in module.named_parameters() if p.requires_grad}
        missing = sorted(trained - set(given))
    if missing or strange:
        told = [f"lacks {names(missing, 4)}"] * bool(missing) + [
            f"has {names(strange, 4)}, which the network has not"
        ] * bool(strange)
        raise BadInput(f"{file}: are weights of another architecture: it {' and '.join(told)}.")
    for key, value in wanted.items():
        if key in given and value.shape != given[key].shape:
            raise BadInput(
                f"{file}: are weights of another architecture: {key} has the shape {tuple(given[key].shape)}, and the network's is "
                f"{tuple(value.shape)}."
            )
    module.load_state_dict(given, strict=False)


def _tied(wanted: dict[str, Tensor], given: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of the network that are the same as one that was given under another name."""
    there = {(v.data_ptr(), v.shape): given[k] for k, v in wanted.items() if k in given and v.numel()}
    return {
        k: there[v.data_ptr(), v.shape]
        for k, v in wanted.items()
        if k not in given and (v.data_ptr(), v.shape) in there
    }


def _adapted(module: nn.Module, folder: Path) -> nn.Module:
    """A network with the adapter that a folder describes, where it was built without; else the network itself.

    Raises:
        BadInput: peft is not installed, or the adapter fits no part of the network.
    """
    if not (folder / "adapter_config.json").is_file() or any(".default." in name for name in module.state_dict()):
        return module
    try:
        from peft import PeftConfig, get_peft_model  # pyright: ignore
    except ImportError as error:
        raise BadInput(
            f"{folder}: holds an adapter, which goes onto the network by the package peft: pip install peft, or let the function "
            "give the network with its adapter."
        ) from error
    try:
        config: Any = PeftConfig.from_pretrained(str(folder))
        # A saved adapter is described as one that is no more trained, and nothing would count as such.
        config.inference_mode = False
        return cast("nn.Module", get_peft_model(cast("Any", module), config))
    # The package raises what it likes where parts have other names.
    except Exception as error:
        raise BadInput(
            f"{folder}: its adapter can't be put onto the network that the function gives ({type(error).__name__}: {error})."
        ) from error


def _called(make: Callable[..., nn.Module], settings: Mapping[str, Any], file: Path) -> nn.Module:
    try:
        known = inspect.signature(make).parameters
        module = make(**{k: v for k, v in settings.items() if k in known})
    except Exception as error:
        raise BadInput(
            f"{file.name}: the network can't be built ({type(error).__name__}: {error}). Its function takes no arguments, or "
            "those that runs.csv names."
        ) from error
    if not isinstance(module, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BadInput(f"{file.name}: what --module names gives a {type(module).__name__}, not a torch module.")
    return module


def _runs(folder: Path) -> dict[str, dict[str, Any]]:
    found = [folder / name for name in RUNS if (folder / name).exists()]
    if not found:
        return {}
    file = found[0]
    try:
        if file.suffix == ".csv":
            table = pl.read_csv(file)
        elif file.suffix == ".json":
            table = pl.DataFrame(json.loads(file.read_text()))
        else:
            table = pl.read_parquet(file)
    except Exception as error:
        raise BadInput(f"{file}: can't be read as a table ({error}).") from error
    if RUN not in table.columns:
        raise BadInput(
            f"{file}: has no column {RUN!r} with the names of the files; its columns are {names(table.columns, 8)}."
        )
    called = [Path(str(v)).stem if str(v).endswith(WEIGHTS) else str(v) for v in table[RUN].to_list()]
    twice = sorted({v for v in called if called.count(v) > 1})
    if twice:
        raise BadInput(f"{file}: names {names(twice, 5)} in several rows. Leave one row a run.")
    rows = dict(zip(called, table.iter_rows(named=True), strict=True))
    return {name: {k: v for k, v in row.items() if k != RUN} for name, row in rows.items()}
