"""Digests of code: what a script runs, found from its imports.

Snakemake does not see an edit in a module that a script imports. A rule that carries the digest of its code
as a parameter runs again when that code changes, and only then: comments, docstrings and layout do not count.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_digest(script: Path, *plugins: str) -> str:
    """Digest of a script and of every module it imports, directly or not, from the script's own folder.

    `plugins` are modules that are chosen by name at run time (a family of models, a source of data), in
    dotted form: imports cannot show them. Raises FileNotFoundError for a plugin that does not exist.
    """
    root = script.parent
    found: dict[Path, None] = {}
    waiting = [script, *(_existing(root, plugin) for plugin in plugins)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found[file] = None
            waiting.extend(_module(file, root).imported)
    text = "\n".join(f"{file.relative_to(root)} {_module(file, root).syntax}" for file in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _existing(root: Path, module: str) -> Path:
    file = _file(root, module)
    if file is None:
        raise FileNotFoundError(f"no module {module} in {root}")
    return file


def _file(root: Path, module: str) -> Path | None:
    base = root.joinpath(*module.split("."))
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


class _Module(NamedTuple):
    imported: tuple[Path, ...]
    """Files of the modules that it imports, within functions too, and of the packages that these are in."""
    syntax: str
    """Digest of the syntax tree without docstrings: the same for any comments and layout."""


@cache
def _module(file: Path, root: Path) -> _Module:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    package = file.relative_to(root).parent.parts
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *([node.module] if node.module else [])))
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    with_packages = {
        ".".join(name.split(".")[:end]) for name in names for end in range(1, name.count(".") + 2)
    }
    files = (_file(root, name) for name in sorted(with_packages) if name)
    imported = tuple(file for file in files if file is not None)
    return _Module(imported, hashlib.sha256(ast.dump(tree).encode()).hexdigest())
