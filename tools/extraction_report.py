"""How well instrument files are read: miniatures always, a corpus where there is one.

    python tools/extraction_report.py [--corpus ../shared/extraction/dev] [--write-calibration]

A corpus is a folder of JSON documents, each beside its instrument file: `file`, `filename`,
`tests` and `decoy_tests` as [code, name, unit], `decoy_samples`, and `truth` as
[tracking id, test code, [accepted results], unit]. Files, not rows, are the unit of every
weighted figure: the rows of one file stand or fall together.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from titer.domain.extraction.confidence import calibrate, confidence  # noqa: E402
from titer.domain.extraction.engine import extract  # noqa: E402
from titer.domain.extraction.values import (  # noqa: E402
    Assay,
    Proposal,
    Sample,
    Target,
    World,
)

EXPORTS = ROOT / "tests/domain/extraction/exports"
CALIBRATION = ROOT / "src/titer/domain/extraction/calibration.json"
BINS = (0.0, 0.3, 0.5, 0.8, 0.9, 0.95, 1.01)
FIT_BINS = (0.0, 0.45, 0.6, 0.7, 0.8, 0.88, 0.95, 1.01)
# The files at hand were read while the rules were written, so they are believed only so far.
PRIOR = (0.3, 0.55, 0.7, 0.82, 0.93, 0.97, 0.98)
PRIOR_FILES = 20.0


@dataclass(frozen=True)
class Case:
    """One file with the world it is read in and what is true of it."""

    name: str
    group: str
    data: bytes
    file_name: str
    world: World
    truth: list[tuple[str, str, frozenset[str]]]
    hint: str | None


@dataclass(frozen=True)
class Judged:
    case: Case
    proposals: tuple[Proposal, ...]
    right: tuple[bool, ...]
    found: int
    found_high: int
    seconds: float

    @property
    def precision(self) -> float:
        return sum(self.right) / len(self.right) if self.right else float(not self.case.truth)

    @property
    def recall(self) -> float:
        return self.found / len(self.case.truth) if self.case.truth else 1.0


def spelled(result: str) -> str:
    return result.replace(" ", "")


def world_of(names: list[str], tests: list[list[str]]) -> World:
    samples = tuple(Sample(i, name) for i, name in enumerate(dict.fromkeys(names), 1))
    assays = tuple(Assay(i, t[0], t[1] or "", t[2] or "") for i, t in enumerate(tests, 1))
    targets = tuple(Target(s.id * 10_000 + a.id, s.id, a.id) for s in samples for a in assays)
    return World(samples, assays, targets)


def corpus_cases(folder: Path) -> Iterator[Case]:
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        truth = [
            (row[0], row[1], frozenset(spelled(value) for value in row[2]))
            for row in document["truth"]
        ]
        world = world_of([row[0] for row in truth] + document["decoy_samples"],
                         document["tests"] + document["decoy_tests"])  # fmt: skip
        yield Case(path.stem, document.get("repo", path.stem),
                   (folder / document["file"]).read_bytes(), document["filename"], world, truth,
                   document.get("hint") or None)  # fmt: skip


def miniature_cases(*, unseen: bool = False) -> Iterator[Case]:
    from domain.extraction import miniatures_more  # noqa: F401
    from domain.extraction.miniatures import MINIATURES
    from domain.extraction.miniatures_unseen import UNSEEN

    for one in UNSEEN if unseen else MINIATURES:
        truth = [(name, code, frozenset((spelled(result),))) for name, code, result in one.truth]
        yield Case(one.name, f"miniature {one.name}", one.data, one.file_name, one.world, truth,
                   one.hint)  # fmt: skip


def judge(case: Case) -> Judged:
    """Read a case and compare; a converted result is right where what it was read from is."""
    begun = time.perf_counter()
    proposals = extract(case.data, case.file_name, case.world, case.hint).proposals
    seconds = time.perf_counter() - begun
    open_rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, (name, code, _) in enumerate(case.truth):
        open_rows[name, code].append(index)
    taken: set[int] = set()
    high: set[int] = set()
    right: list[bool] = []
    for proposal in proposals:
        read = {spelled(proposal.result)}
        if proposal.converted_from is not None:
            read.add(spelled(proposal.converted_from.result))
        fits = [i for i in open_rows[proposal.tracking_id, proposal.code]
                if case.truth[i][2] & read]  # fmt: skip
        right.append(bool(fits))
        fresh = next((i for i in fits if i not in taken), None)
        if fresh is not None:
            taken.add(fresh)
            if proposal.confidence >= 0.8:
                high.add(fresh)
    return Judged(case, proposals, tuple(right), len(taken), len(high), seconds)


def print_files(results: list[Judged]) -> None:
    print(f"{'file':52} {'rows':>5} {'P':>6} {'R':>6} {'>=0.8':>6} {'P>=0.8':>7} {'s':>6}")
    for one in results:
        high = [ok for ok, p in zip(one.right, one.proposals, strict=True) if p.confidence >= 0.8]
        sure = sum(high) / len(high) if high else 1.0
        print(f"{one.case.name[:52]:52} {len(one.right):5} {one.precision:6.3f} {one.recall:6.3f} "
              f"{len(high):6} {sure:7.3f} {one.seconds:6.3f}")  # fmt: skip


def print_totals(results: list[Judged]) -> None:
    rows = sum(len(one.right) for one in results)
    right = sum(sum(one.right) for one in results)
    truths = sum(len(one.case.truth) for one in results)
    high = [ok for one in results for ok, p in zip(one.right, one.proposals, strict=True)
            if p.confidence >= 0.8]  # fmt: skip
    count = len(results)
    print(f"all rows    micro P {right / max(1, rows):.4f} R "
          f"{sum(one.found for one in results) / max(1, truths):.4f}   macro P "
          f"{sum(one.precision for one in results) / count:.4f} R "
          f"{sum(one.recall for one in results) / count:.4f}")  # fmt: skip
    print(f"rows >=0.8  micro P {sum(high) / max(1, len(high)):.4f} of {len(high)}; "
          f"{sum(one.found_high for one in results) / max(1, truths):.1%} of all true results; "
          f"{wrong_files(results)} files with a wrong row")  # fmt: skip
    times = sorted(one.seconds for one in results)
    print(f"seconds     mean {sum(times) / count:.3f} p95 {times[int(0.95 * (count - 1))]:.3f} "
          f"max {times[-1]:.3f}")  # fmt: skip


def wrong_files(results: list[Judged]) -> int:
    return sum(any(not ok and p.confidence >= 0.8 for ok, p in
                   zip(one.right, one.proposals, strict=True)) for one in results)  # fmt: skip


def print_reliability(results: list[Judged], knots: list[tuple[float, float]] | None) -> None:
    """Stated and observed confidence by bin, every file with the same weight."""
    print("confidence   files  stated  observed")
    gap = weight = 0.0
    for low, high in pairwise(BINS):
        stated: list[float] = []
        observed: list[float] = []
        for one in results:
            inside = [
                (sure, ok) for ok, p in zip(one.right, one.proposals, strict=True)
                if low <= (sure := restated(p, knots)) < high
            ]  # fmt: skip
            if inside:
                stated.append(sum(sure for sure, _ in inside) / len(inside))
                observed.append(sum(ok for _, ok in inside) / len(inside))
        if stated:
            said, seen = sum(stated) / len(stated), sum(observed) / len(observed)
            print(f"{low:.2f}-{min(high, 1):.2f}   {len(stated):6}  {said:6.3f}  {seen:8.3f}")
            gap += abs(said - seen) * len(stated)
            weight += len(stated)
    print(f"expected calibration error (file-weighted) {gap / max(weight, 1):.3f}")


def restated(proposal: Proposal, knots: list[tuple[float, float]] | None) -> float:
    if knots is None:
        return proposal.confidence
    return min(calibrate(proposal.raw_score, tuple(knots)), confidence(1.0, proposal.flags))


def fit(results: list[Judged]) -> list[tuple[float, float]]:
    """A rising map from raw score to share of right rows: bins, a prior, pooled violators.

    Rows under a doubt that lowers their ceiling say nothing of the raw score and are left out.
    """
    heights: list[float] = []
    weights: list[float] = []
    for number, (low, high) in enumerate(pairwise(FIT_BINS)):
        shares: list[float] = []
        for one in results:
            inside = [ok for ok, p in zip(one.right, one.proposals, strict=True)
                      if low <= p.raw_score < high and not doubted(p)]  # fmt: skip
            if inside:
                shares.append(sum(inside) / len(inside))
        weights.append(len(shares) + PRIOR_FILES)
        heights.append((sum(shares) + PRIOR_FILES * PRIOR[number]) / weights[-1])
    middles = [(low + min(high, 1.0)) / 2 for low, high in pairwise(FIT_BINS)]
    return list(zip(middles, rising(heights, weights), strict=True))


def doubted(proposal: Proposal) -> bool:
    return confidence(1.0, proposal.flags) < confidence(1.0, ())


def rising(heights: list[float], weights: list[float]) -> list[float]:
    """The nearest sequence that never falls."""
    pools: list[tuple[float, float, int]] = []
    for height, weight in zip(heights, weights, strict=True):
        pools.append((height, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (h2, w2, n2), (h1, w1, n1) = pools.pop(), pools.pop()
            pools.append(((h1 * w1 + h2 * w2) / (w1 + w2), w1 + w2, n1 + n2))
    return [round(height, 4) for height, _, count in pools for _ in range(count)]


def left_out_error(results: list[Judged]) -> float:
    """Squared error of files judged by a map that was fitted without their whole group."""
    errors: list[float] = []
    for group in {one.case.group for one in results}:
        knots = tuple(fit([one for one in results if one.case.group != group]))
        for one in (one for one in results if one.case.group == group and one.proposals):
            stated = [min(calibrate(p.raw_score, knots), confidence(1.0, p.flags))
                      for p in one.proposals]  # fmt: skip
            squares = [(s - ok) ** 2 for s, ok in zip(stated, one.right, strict=True)]
            errors.append(sum(squares) / len(squares))
    return sum(errors) / max(1, len(errors))


def report(title: str, cases: Iterator[Case]) -> list[Judged]:
    results = [judge(case) for case in cases]
    print(f"\n{title}: {len(results)} files")
    print_files(results)
    print_totals(results)
    print_reliability(results, None)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=ROOT / "../shared/extraction/dev")
    parser.add_argument("--write-calibration", action="store_true")
    chosen = parser.parse_args()
    results = report("miniatures", miniature_cases())
    results += report("layouts whose truth came first", miniature_cases(unseen=True))
    results += report("exports", corpus_cases(EXPORTS))
    if chosen.corpus.is_dir():
        results += report("corpus", corpus_cases(chosen.corpus))
    print(f"\nleft-one-group-out squared error {left_out_error(results):.4f}")
    knots = fit(results)
    print("fitted map", knots)
    if chosen.write_calibration:
        CALIBRATION.write_text(json.dumps({"knots": knots}) + "\n", encoding="utf-8")
        print("written; the figures above are from before")


if __name__ == "__main__":
    main()
