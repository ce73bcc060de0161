"""``python -m metricloss``."""

import sys

from metricloss.cli import main

sys.exit(main())
