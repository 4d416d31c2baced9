"""`python -m logloss.cli` is `logloss`."""

from __future__ import annotations

import sys

from logloss.cli import main

sys.exit(main())
