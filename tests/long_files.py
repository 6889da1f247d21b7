"""Which files of tests take longest: they begin first, so that no worker is left alone with one at the end.

xdist gives a file to one worker, and by itself begins with those that hold the most tests; those that take minutes
hold few. Most of them wait: for a second to pass, for programs that start and end. The order is that of a run on two
cores, longest first, and need not be exact; a file that is not here comes after these, in the usual order. A folder
stands for all of its files.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LONG_FILES = (
    "tests/deploy/test_demo.py",
    "tests/faults/test_short.py",
    "tests/collector/test_up.py",
    "tests/deploy/test_pyinstaller.py",
    "tests/collector/api/test_description.py",
    "tests/threats/",
    "tests/agent/test_run.py",
    "tests/agent/test_power_cut.py",
    "tests/integration/test_shared_ingest.py",
    "tests/agent/watchers/test_third_party.py",
    "tests/integration/test_tls_end_to_end.py",
    "tests/collector/embedded/test_postgres.py",
    "tests/measures/test_measures.py",
    "tests/measures/test_flag_measures.py",
    "tests/collector/web/test_in_a_browser.py",
    "tests/docs/test_calibration_page.py",
    "tests/agent/calibration/test_yardstick.py",
    "tests/agent/calibration/test_verdict.py",
    "tests/protocol/test_kernel_properties.py",
    "tests/protocol/audit/test_bundles.py",
    "tests/agent/watchers/test_modbus_meter.py",
    "tests/agent/watchers/test_mqtt_watcher.py",
    "tests/agent/watchers/test_dlt645_meter.py",
    "tests/agent/watchers/test_contact.py",
)


def begin_with_long_files(items: list[pytest.Item]) -> None:
    """Put the tests in that order; the tests of a file stay together, as they were."""
    items.sort(key=lambda item: _place_of(item.nodeid))


def _place_of(nodeid: str) -> int:
    places = (place for place, begin in enumerate(LONG_FILES) if nodeid.startswith(begin))
    return next(places, len(LONG_FILES))
