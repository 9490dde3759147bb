"""How the store on Elasticsearch does: python -m tests.benchmarks.elasticsearch_store PART [--help]

Each part starts a server of its own, unless --url names one, whose indexes of the same names it would erase. Photos
are given as embeddings, clustered as `embeddings` in tests.benchmarks.common says.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.benchmarks.elasticsearch_cost import STEPS, cost
from tests.benchmarks.elasticsearch_recall import QUERIES, crowd, recall
from tests.benchmarks.elasticsearch_server import server
from tests.benchmarks.elasticsearch_upload import memory, upload


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a server that runs already")
    parser.add_argument("--heap", default="4g", help="of a server started for this run")
    parts = parser.add_subparsers(dest="part", required=True)

    part = parts.add_parser("recall", help="recall and times over num_candidates, beside FiftyOne's request")
    part.add_argument("--photos", type=int, default=100_000)
    part.add_argument("--photos-a-pet", type=int, default=1)
    part.add_argument("--queries", type=int, default=QUERIES, help=f"of {QUERIES}")
    part.add_argument("--keep", action="store_true", help="search indexes of an earlier run that are there in full")
    part.add_argument("--one-segment", action="store_true", help="merge all first, so that the luck of merging is out")
    part.add_argument("--plot", type=Path, default=Path("recall.png"))

    part = parts.add_parser("upload", help="pets a second: base64, JSON lists, one request a pet")
    part.add_argument("--pets", type=int, default=20_000)
    part.add_argument("--loop", type=int, default=1000, help="pets that are sent one by one")
    part.add_argument("--memory", type=int, metavar="PETS", help="only this: how memory grows while so many are sent")

    part = parts.add_parser("cost", help="search time, memory and disk beside the embedded file, as pets become more")
    part.add_argument("--pets", type=int, nargs="+", default=STEPS)
    part.add_argument("--plot", type=Path, default=Path("cost.png"))
    return parser.parse_args()


def main() -> None:
    options = arguments()
    with server(options.url, heap=options.heap) as client:
        if options.part == "recall":
            pets = crowd(options.photos, options.photos_a_pet, queries=options.queries)
            recall(client, pets, one_segment=options.one_segment, kept=options.keep, path=options.plot)
        elif options.part == "cost":
            cost(client, sizes=options.pets, path=options.plot)
        elif options.memory:
            memory(client, count=options.memory)
        else:
            upload(client, count=options.pets, loop=options.loop)


if __name__ == "__main__":
    main()
