"""Choose a benchmark by name: each is a module here with `add_arguments(parser)` and `run(args)`."""

from __future__ import annotations

import argparse
from importlib import import_module

NAMES = {
    "agents": "agents",
    "beside": "beside",
    "growth": "growth",
    "import": "import_",
    "latency": "latency",
    "live": "live",
    "retrieval": "retrieval",
    "usage": "usage",
}


def main() -> None:
    """Run the benchmark that is named."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Print a benchmark of sessiondb.")
    commands = parser.add_subparsers(required=True, metavar="BENCHMARK")
    for name, module_name in NAMES.items():
        module = import_module(f"benchmarks.{module_name}")
        command = commands.add_parser(name, help=(module.__doc__ or "").partition("\n")[0])
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
