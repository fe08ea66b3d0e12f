"""How the search for near duplicates grows: from ten thousand to a million images it must not be quadratic.

    python -m benchmarks.near_duplicates [--most 1000000] [--data PATH]

The curve is that of the search among codes, the part that sees all images together; what comes before and after it takes the same
time for each image or pair. The codes are drawn, spread as those of FER2013 are; one image in a hundred is an altered copy of
another, half of these mirrored. CPU seconds are of all cores together, and say more than seconds where a machine is busy. With
`--data`, the whole search on a real dataset is timed, too.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from fer.data import read_dataset
from fer.quality.duplicates import find_duplicates
from fer.quality.similarity import nearest_codes

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
# Standard deviations of the codes of FER2013's images, and of the difference between the codes of an image and an altered copy.
SPREAD = np.array(
    [5.9, 5.1, 4.5, 3.8, 3.7, 3.5, 3.3, 3.2, 2.9, 2.8, 2.7, 2.6, 2.5, 2.3, 2.3, 2.2, 2.2, 2.2, 2.0, 2.0, 1.9, 1.9, 1.9, 1.8],
    np.float32,
)
ALTERED = 1.0


def drawn_codes(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (n, 24), those of the mirror images, and (n / 100, 3) pairs that are copies: original, copy, 1 where mirrored."""
    # Half of the directions turn their sign in the mirror, near enough.
    signs = np.where(np.arange(len(SPREAD)) % 2, -1, 1).astype(np.float32)
    codes = rng.standard_normal((n, len(SPREAD)), np.float32) * SPREAD
    copies = np.arange(n - n // 100, n)
    originals = rng.choice(n - n // 100, len(copies), replace=False)
    mirrored = rng.integers(0, 2, len(copies))
    codes[copies] = codes[originals] * np.where(mirrored[:, None] == 1, signs, 1)
    codes[copies] += rng.standard_normal((len(copies), len(SPREAD)), np.float32) * ALTERED
    return codes, codes * signs, np.stack([originals, copies, mirrored], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="largest number of codes")
    parser.add_argument("--data", help="a dataset to search as a whole")
    options = parser.parse_args()
    print(
        f"{'images':>10} {'seconds':>9} {'CPU seconds':>12} {'µs an image':>12} {'candidates an image':>20} {'copies found':>13}"
    )
    for n in (size for size in SIZES if size <= options.most):
        codes, mirrored, planted = drawn_codes(n, np.random.default_rng(n))
        start, cpu_start = time.perf_counter(), time.process_time()
        candidates = nearest_codes(codes, mirrored)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        known = {tuple(row) for row in planted.tolist()}
        found = sum(tuple(row) in known for row in candidates.tolist()) / len(known)
        print(
            f"{n:>10,} {seconds:>9.2f} {cpu_seconds:>12.2f} {cpu_seconds / n * 1e6:>12.1f}"
            f" {len(candidates) / n:>20.2f} {found:>13.1%}",
            flush=True,
        )
    if options.data:
        dataset = read_dataset(options.data)
        start = time.perf_counter()
        findings = find_duplicates(dataset)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{dataset.name}: {len(dataset):,} images, {len(findings):,} findings in {seconds:.1f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
