"""`python -m swarm_admin.sandbox --port N [--config '{"speed": 60}']`: the sandbox without Django."""

import argparse
import json
from pathlib import Path

from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.server import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--config", type=json.loads, default={}, help="switches as a JSON object")
    parser.add_argument("--state", type=Path, help="file to persist the records in")
    options = parser.parse_args()
    config = Config()
    config.change(options.config)
    serve(config, options.port, state_file=options.state)


if __name__ == "__main__":
    main()
