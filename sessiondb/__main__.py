"""Let `python -m sessiondb` be the command line."""

from __future__ import annotations

from sessiondb.cli import main

if __name__ == "__main__":
    main()
