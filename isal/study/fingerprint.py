"""What a result depends on, as one text: its content and the code that makes it.

The code part is the static import closure of the function that makes the result: every module of this package that the
function imports, that these import, and so on, wherever in a module the import stands. Comments, docstrings and
imports for type checkers do not count. A module that is imported by a name made at run time is not seen; who makes the
result names it.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

#: The folder of this package.
PACKAGE = Path(__file__).parents[1]


def digest(content: object) -> str:
    """Digest of plain data (tables, lists, numbers, text), the same in every process."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Code:
    """The sources of this package in a folder.

    Each file is read once: code that is edited during a run counts in the next one. ``known`` has the digests that were
    asked for, by names of modules; jobs take them from the run that they belong to.
    """

    def __init__(self, folder: Path = PACKAGE, known: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.known = dict(known or {})
        self._module = cache(self._read)

    def closure(self, modules: Iterable[str]) -> frozenset[str]:
        """The modules and all that they import of this package, by their full names."""
        reached: set[str] = set()
        waiting = list(modules)
        while waiting:
            if (name := waiting.pop()) not in reached:
                reached.add(name)
                waiting += self._module(name)[1]
        return frozenset(reached)

    def digest(self, modules: Sequence[str]) -> str:
        """Digest of the closure of some modules."""
        key = " ".join(modules)
        if key not in self.known:
            self.known[key] = digest([[name, self._module(name)[0]] for name in sorted(self.closure(modules))])
        return self.known[key]

    def _read(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Digest of a module's code, and what it imports of this package."""
        tree = ast.parse(self.file(name).read_bytes())
        return digest(list(_words(tree))), tuple(self.imported(tree))

    def imported(self, tree: ast.AST) -> Iterator[str]:
        """Modules of this package that code imports, and the packages around them."""
        for node in _parts(tree):
            if isinstance(node, ast.ImportFrom):
                assert not node.level, "this package imports by full names"
                names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                parts = name.split(".")
                if parts[0] == PACKAGE.name and self.file(name).is_file():
                    # not the package itself, which only lists names and the version
                    yield from (".".join(parts[:count]) for count in range(2, len(parts) + 1))

    def file(self, name: str) -> Path:
        """The file of a module with this full name, whether or not there is one."""
        path = self.folder.joinpath(*name.split(".")[1:])
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

    def of(self, function: Callable[..., Any], loaded: Iterable[str] = ()) -> str:
        """Digest of a function and of the closure of what it imports within itself.

        ``loaded`` are modules that it imports by names made at run time.
        """
        return digest([_own(function), self.digest(self.start(function, loaded))])

    def start(self, function: Callable[..., Any], loaded: Iterable[str] = ()) -> list[str]:
        """The modules that the closure of a function starts from."""
        return sorted({*self.imported(_tree(function)), *loaded})


@cache
def _tree(function: Callable[..., Any]) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


@cache
def _own(function: Callable[..., Any]) -> str:
    """Digest of a function alone."""
    return digest(list(_words(_tree(function))))


def _ignored(node: ast.AST) -> bool:
    """Whether a part of code changes no result: a docstring, or what only type checkers read."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not node.orelse


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """All parts of code that count."""
    for child in ast.iter_child_nodes(node):
        if not _ignored(child):
            yield child
            yield from _parts(child)


def _words(node: ast.AST) -> Iterator[str]:
    """Code that counts, in words that do not change from one Python to the next."""
    for field, value in ast.iter_fields(node):
        parts = value if isinstance(value, list) else [value]
        if parts and value is not None:  # later Pythons have more fields, empty in older code
            yield field
        for part in parts:
            if not isinstance(part, ast.AST):
                yield repr(part)
            elif not _ignored(part):
                yield type(part).__name__
                yield from _words(part)
                yield "end"
