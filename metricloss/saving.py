"""What was learned, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metricloss.source import writable, write

VERSION = 1  #: of the layout of the file


def save(kind: str, fields: Mapping[str, Any], path: str | Path, *, force: bool = False) -> Path:
    """Write fields, floats to their last digit; OutputExistsError where a file stands, unless `force`."""
    text = json.dumps({"metricloss": kind, "version": VERSION, **fields}, allow_nan=False)
    return write(writable(path, force=force), text + "\n", force=force)
