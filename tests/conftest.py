"""Fixtures of the cross-backend tests: `framework` runs a test once a framework, `-k torch` selects one."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.frameworks import FRAMEWORKS, JAX, TENSORFLOW, TORCH, Framework

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up notes
settings.register_profile("fixed", deadline=None, derandomize=True)  # shared machines stall
settings.load_profile("fixed")


def needed(framework: Framework) -> Framework:
    if not framework.is_installed:
        pytest.skip(f"{framework.name} is not installed")
    framework.lib  # noqa: B018  imports it, and for JAX sets float64
    return framework


@pytest.fixture(params=FRAMEWORKS, ids=lambda framework: framework.name)
def framework(request: pytest.FixtureRequest) -> Framework:
    return needed(request.param)


@pytest.fixture
def torch():
    return needed(TORCH).lib


@pytest.fixture
def jax():
    return needed(JAX).lib


@pytest.fixture
def tf():
    return needed(TENSORFLOW).lib
