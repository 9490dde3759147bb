"""How the tests are spread over the workers of pytest-xdist."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

ONE_BY_ONE = ("tests/test_notebooks.py", "tests/elastic/test_three_nodes.py", "tests/test_training_steps.py")


def group_of(nodeid: str) -> str:
    """The name of the tests that run in one worker with this one.

    All on the one Elasticsearch, for they empty it as they begin; else those of a file, which share fixtures.
    """
    if "elasticsearch" in nodeid.partition("[")[2]:
        return "elasticsearch"
    return nodeid if nodeid.startswith(ONE_BY_ONE) else nodeid.partition("::")[0]


class Groups(LoadScopeScheduling):  # type: ignore[misc]
    """Hand out one group after the other, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
