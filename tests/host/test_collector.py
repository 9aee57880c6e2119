"""While a host is open the garbage collector looks seldom, and as before afterwards."""

import gc

from weft.host.collector import SELDOM, RareCollections


def test_thresholds_come_back_with_the_last_host() -> None:
    """The collector is as it was once the last of several hosts has closed, and not before."""
    before = gc.get_threshold()
    rare = RareCollections()

    with rare:
        with rare:
            assert gc.get_threshold()[0] == SELDOM[0]
        assert gc.get_threshold()[0] == SELDOM[0]

    assert gc.get_threshold() == before


def test_a_collector_that_is_off_stays_off() -> None:
    """Whoever collects by hand goes on doing so."""
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with RareCollections():
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)
