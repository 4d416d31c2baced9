"""`python -m tests.search`, or `python -m search` in tests/."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from search.command import main

if __name__ == "__main__":
    sys.exit(main())
