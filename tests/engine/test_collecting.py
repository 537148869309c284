"""Claims about work without the search for cycles."""

import gc

import pytest

from unseen.engine.collecting import no_search_for_cycles


def test_the_search_goes_on_after_work_that_fails() -> None:
    with pytest.raises(KeyError, match="nothing"):
        _fails()
    assert gc.isenabled()


def test_work_inside_such_work_does_not_start_the_search() -> None:
    with no_search_for_cycles():
        with no_search_for_cycles():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_program_that_has_stopped_the_search_finds_it_stopped() -> None:
    gc.disable()
    try:
        with no_search_for_cycles():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@no_search_for_cycles()
def _fails() -> None:
    assert not gc.isenabled()
    raise KeyError("nothing")
