"""petfinder beside what people would pick instead, in one run: python -m tests.benchmarks.peers [PART ...] [--help]

Parts: `server` (filling, asking, asking while others write, on Elasticsearch), `file` (the same in a file), `photos`
(registering pictures), `curve` (a file that grows), and by hand `kinds` (vector types on Elasticsearch: filling, room,
recall and time over num_candidates). FiftyOne's way: JSON lists, bulks of 500, a refresh after each; its request: 10 k
candidates, no index options stated. Fillings are medians of --runs, in turns. Ratios count; an idle machine is wanted.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from tests.benchmarks.common import Row, print_table
from tests.benchmarks.elasticsearch_server import server
from tests.benchmarks.peers_file import curve, in_file
from tests.benchmarks.peers_kinds import kinds
from tests.benchmarks.peers_photos import photos
from tests.benchmarks.peers_server import on_server

PARTS = ("server", "file", "photos", "curve", "kinds")
PANELS = ("p50 ms", "memory MB", "disk MB")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default="most", choices=(*PARTS, "most"), help="most: all but `kinds`")
    parser.add_argument("--pets", type=int, nargs="+", default=[50_000], help="of `server`, `file` and `kinds`")
    parser.add_argument("--photos", type=int, default=100_000, help="of `curve`")
    parser.add_argument("--jpegs", type=int, default=48, help="of `photos`")
    parser.add_argument("--runs", type=int, default=2, help="of each filling")
    parser.add_argument("--url", help="a server that runs already, whose indexes of the same names are erased")
    parser.add_argument("--heap", default="1g", help="of a server started for this run")
    parser.add_argument("--plots", type=Path, help="a folder for pictures of `kinds` and of sizes (`server`, `curve`)")
    options = parser.parse_args()
    options.parts = PARTS[:-1] if "most" in options.parts else options.parts
    return options


def plot(rows: Sequence[Row], path: Path) -> None:
    """Search time, memory and disk over the number of pets, a line for each store."""
    figure = Figure(figsize=(5 * len(PANELS), 4), dpi=120, layout="constrained")
    for panel, what in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        panel.set(xlabel="pets (one photo, 512 dims)", ylabel=what, xscale="log", yscale="log")
        for store, own in pd.DataFrame(rows).groupby("store", sort=False):
            panel.plot(own["pets"], own[what], "o-", label=store)
    panel.legend()
    figure.savefig(path)


def new_folder(kept: ExitStack) -> Path:
    return Path(kept.enter_context(tempfile.TemporaryDirectory()))


def main() -> None:
    options, summary, sizes = arguments(), list[Row](), list[Row]()
    with ExitStack() as kept:
        if {"server", "photos", "kinds"} & {*options.parts}:
            client = kept.enter_context(server(options.url, heap=options.heap))
        for pets in options.pets:
            if "server" in options.parts:
                lines, size = on_server(client, pets, options.runs)
                summary, sizes = summary + lines, [*sizes, size]
            if "file" in options.parts:
                summary += in_file(pets, options.runs, new_folder(kept))
            if "kinds" in options.parts:
                kinds(client, pets, options.runs, options.plots)
        if "photos" in options.parts:
            summary += photos(client, options.jpegs, options.runs, new_folder(kept))
        if "curve" in options.parts:
            sizes += curve(options.photos, new_folder(kept))
    if summary:
        print_table(summary)
    if options.plots and sizes:
        plot(sizes, options.plots / "elasticsearch_cost.png")


if __name__ == "__main__":
    main()
