"""`jishi-collector workers`: who takes in what, as the database's locks say at this moment."""

from argparse import ArgumentParser, Namespace

from collector.config import Config


def configure(_parser: ArgumentParser) -> None:
    """It takes no arguments of its own."""


def run(config: Config, _arguments: Namespace) -> None:
    """Prints a line for each worker, and one for the shards that nobody owns, if there are any."""
    from collector.ingest.shards import load_roster
    from collector.store.database import connect

    with connect(config.dsn, application="workers") as connection:
        roster = load_roster(connection)
    for number in sorted(roster.owned):
        state = "serves" if number in roster.serving else "is not connected to the broker"
        print(f"worker {number}  {state}  {_say(roster.owned[number])}")
    if roster.free():
        print(f"nobody  {_say(roster.free())}")


def _say(shards: frozenset[int]) -> str:
    """How many, and which.

    >>> _say(frozenset({0, 1, 2, 7}))
    '4 shards: 0-2 7'
    """
    runs: list[list[int]] = []
    for shard in sorted(shards):
        if runs and runs[-1][-1] == shard - 1:
            runs[-1][1:] = [shard]
        else:
            runs.append([shard])
    return f"{len(shards)} shards: {' '.join('-'.join(map(str, run)) for run in runs)}" if runs else "no shards"
