"""What `claimgraph` starts: the command line takes a second to import, and Ctrl-C may come then."""

import sys


def main() -> None:
    """Import the command line and run it; stopped before it has begun, it ends like a run."""
    try:
        from api.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was begun\n")
        sys.exit(130)
    run()
