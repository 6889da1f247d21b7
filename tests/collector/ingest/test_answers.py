"""What agents are told."""

import pytest

from collector.ingest.answers import spread_for


@pytest.mark.parametrize(("agents", "seconds"), [(0, 1), (3, 1), (267, 1), (268, 2), (16_000, 60)])
def test_the_more_agents_the_longer_their_return_is_spread(agents: int, seconds: int) -> None:
    assert spread_for(agents) == seconds
