"""How well and how fast the decomposition recovers a target whose mechanisms are known.

    python benchmarks/bench_decomposition.py --target tms_5-2 --seeds 0 1 2 3 4

Each seed trains a target and decomposes it. One line per seed: mean max cosine similarity and
what random directions reach by it, mean L2 ratio, identity error, living subcomponents per
matrix, seconds of wall-clock time for target and decomposition, and training steps per second
of processor time. With --json, one JSON document on standard output and nothing else; progress
goes to standard error.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable

import torch

from decomposition.config import DecompositionConfig
from decomposition.metrics import MetricsConfig, evaluate
from decomposition.targets import train_target
from decomposition.threads import one_thread
from decomposition.training import decompose

HEADER = "seed  attempts    mmcs  random    ml2r  identity  alive  seconds  steps/CPU-s  recovered"


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--target", default="tms_5-2")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--steps", type=int, help="instead of the configuration's own")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    changes = {} if arguments.steps is None else {"steps": arguments.steps}
    rows = []
    if not arguments.json:
        print(HEADER)
    for seed in arguments.seeds:
        rows.append(measure(arguments.target, DecompositionConfig(seed=seed, **changes)))
        if not arguments.json:
            print(line(rows[-1]), flush=True)
    if arguments.json:
        print(
            json.dumps({"machine": machine(), "target": arguments.target, "rows": rows}, indent=2)
        )


def measure(name: str, config: DecompositionConfig) -> dict[str, float]:
    """Train a target, decompose it, and return what the table shows."""
    started = time.perf_counter()
    with one_thread():
        target = train_target(name, config.seed)
        decomposition = decompose(target, config, draw_progress(config.seed))
    seconds = time.perf_counter() - started
    metrics = evaluate(decomposition, MetricsConfig())
    return {
        "seed": config.seed,
        "attempts": target.attempts,
        "seconds": seconds,
        "steps": config.restarts * config.steps,
        "steps_per_cpu_second": config.restarts * config.steps / decomposition.cpu_seconds,
        "recovered": recovered(metrics),
        **metrics,
    }


def recovered(metrics: dict[str, float]) -> bool:
    """Say whether every mechanism was found, by direction, by length and by importance."""
    return (
        metrics["mmcs"] >= 0.999
        and 0.97 <= metrics["ml2r"] <= 1.03
        and metrics["identity_error"] == 0
    )


def line(row: dict[str, float]) -> str:
    """Return one line of the table."""
    alive = [int(value) for name, value in row.items() if name.startswith("alive/")]
    return (
        f"{row['seed']:4.0f}  {row['attempts']:8.0f}  {row['mmcs']:6.4f}  {row['mmcs_random']:6.4f}"
        f"  {row['ml2r']:6.4f}  {row['identity_error']:8.0f}  {'+'.join(map(str, alive)):>5}"
        f"  {row['seconds']:7.1f}  {row['steps_per_cpu_second']:11.0f}"
        f"  {'yes' if row['recovered'] else 'NO':>9}"
    )


def draw_progress(seed: int) -> Callable[[int, int], None]:
    """Return a callback that writes every hundredth step to standard error."""

    def draw(done: int, of: int) -> None:
        if done % 100 == 0 or done == of:
            end = "\n" if done == of else ""
            print(f"\rseed {seed}: step {done} of {of}", end=end, file=sys.stderr, flush=True)

    return draw


def machine() -> dict[str, str | int]:
    """Describe what the numbers were measured on."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
    }


if __name__ == "__main__":
    main()
