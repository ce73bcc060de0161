"""Facts that stand in two places agree, and every framework of the suite is there to be tested."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import pytest

import metricloss
from metricloss.backend import all_backends, backends_folder

ROOT = Path(__file__).resolve().parents[1]


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def requirements(name: str) -> dict[str, str]:
    """The packages of a list, with what each is held to."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").splitlines()
    found = (re.fullmatch(r"([a-z][a-z0-9-]*)(.*)", line.partition("  #")[0]) for line in lines)
    return {match[1]: match[2] for match in found if match}


@pytest.mark.checkout
def test_every_framework_is_installed():
    """Elsewhere a framework that is missing skips its tests; here, and only here, it fails one."""
    assert [backend.title for backend in all_backends() if not backend.is_installed] == []


def test_the_backends_stand_beside_the_package_or_in_it():
    package = Path(metricloss.__file__).parent
    assert backends_folder() in (package / "backends", package.parent / "backends")


def test_backend_folders_are_no_packages():
    assert list(backends_folder().glob("**/__init__.py")) == []


def test_every_backend_has_the_same_files():
    names = {
        frozenset(path.name for path in backend.folder.glob("*.*")) - {"surrogate.py"}
        for backend in all_backends()
    }
    assert len(names) == 1


def test_every_backend_has_an_extra_of_its_name():
    extras = pyproject()["project"]["optional-dependencies"]
    for backend in all_backends():
        needed = extras[backend.name.replace("_", "-")]
        packages = {re.match(r"[a-z0-9-]+", requirement)[0] for requirement in needed}
        assert set(backend.install.removeprefix("pip install ").split()) == packages


def test_the_changelog_speaks_of_this_version():
    if not (ROOT / "CHANGELOG.md").exists():
        pytest.skip("not beside the tests")
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.M)
    assert headings[0] == metricloss.__version__


@pytest.mark.checkout
def test_what_is_tested_lies_within_what_is_promised():
    packaging = pytest.importorskip("packaging.requirements")
    project = pyproject()["project"]
    promised = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    tested = requirements("constraints")
    for text in promised:
        requirement = packaging.Requirement(text)
        name = "tensorflow-cpu" if requirement.name == "tensorflow" else requirement.name
        pin = tested[name].removeprefix("==").replace("*", "99")
        assert pin in requirement.specifier, text
        assert version(name) in packaging.Requirement(name + tested[name]).specifier, (
            f"{name} is another version"
        )


@pytest.mark.checkout
def test_every_listed_package_has_its_version_in_one_place():
    pins = requirements("constraints")
    for name in ("core", "test", "lint", "docs", "boosters"):
        for package, pin in requirements(name).items():
            assert package in pins, f"{name}.txt: {package} stands not in constraints.txt"
            assert not pin, f"{name}.txt: the version of {package} belongs in constraints.txt"


@pytest.mark.checkout
def test_the_licence_is_apache():
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text("utf-8")


@pytest.mark.checkout
def test_ci_is_a_script_that_bash_reads():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.checkout
def test_the_layout_names_every_module():
    layout = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    missing = [path.name for path in (ROOT / "metricloss").rglob("[!_]*.py") if f"`{path.name}`" not in layout]
    assert missing in ([], ["version.py"])
