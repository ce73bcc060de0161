"""The directive emitted-functions: what users call in an emitted file, for each backend, with its docstring."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from docstrings import laid_out
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import metricloss as ml
from metricloss.backend import Backend, all_backends
from metricloss.compiler import misfit
from metricloss.recipe import recipe_of


def functions_of(backend: Backend) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The entry points of an emitted file, in its order."""
    source = ml.emit("f1", backend.name)
    for node in ast.parse(source.text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in source.entry_points:
            yield node


def shapes_of(backend: Backend, task: str) -> str:
    """What the head of a file for several classes says about shapes."""
    head = ast.get_docstring(ast.parse(ml.emit("f1", backend.name, task=task).text)) or ""
    (shapes,) = [paragraph for paragraph in head.split("\n\n") if " holds " in paragraph]
    return laid_out(shapes)


def described(definition: ast.FunctionDef | ast.ClassDef) -> str:
    """A function's or a class's signature and docstring, in reStructuredText."""
    kind = "class" if isinstance(definition, ast.ClassDef) else "function"
    arguments = _arguments(definition)
    names = [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]
    signature = f"{definition.name}({ast.unparse(_without_types(arguments))})"
    body = laid_out(ast.get_docstring(definition) or "", names).replace("\n", "\n   ")
    return f".. py:{kind}:: {signature}\n   :no-index:\n\n   {body}\n"


def _arguments(definition: ast.FunctionDef | ast.ClassDef) -> ast.arguments:
    """What a function is called with, or a class to make one of it."""
    if isinstance(definition, ast.FunctionDef):
        return definition.args
    for method in definition.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            method.args.args = method.args.args[1:]
            return method.args
    return ast.parse("lambda: 0", mode="eval").body.args


def _without_types(arguments: ast.arguments) -> ast.arguments:
    for argument in (*arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    return arguments


class EmittedFunctions(SphinxDirective):
    """A section for each backend."""

    def run(self) -> list[nodes.Node]:
        return [self._section(backend) for backend in all_backends()]

    def _section(self, backend: Backend) -> nodes.section:
        section = nodes.section(ids=[f"emitted-{backend.name}"], names=[f"emitted {backend.name}"])
        section += nodes.title("", backend.title[0].upper() + backend.title[1:])
        classes = [
            f'With ``task="{task}"``: {shapes_of(backend, task)}'
            for task in ("multilabel", "multiclass")
            if not misfit(recipe_of("f1", task=task), backend)
        ]
        for text in (*map(described, functions_of(backend)), *classes):
            section += self.parse_text_to_nodes(text)
        return section


def setup(app: Sphinx) -> dict[str, object]:
    """Add the directive."""
    app.add_directive("emitted-functions", EmittedFunctions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
