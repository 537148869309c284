"""A time limit stops work in this process, and leaves alarms as they were."""

import gc
import signal
import threading
import time

import pytest

from unseen.engine.clock import OutOfTime, limited


def test_work_that_takes_too_long_is_stopped_even_where_errors_are_caught():
    def work():
        with limited(0.2):
            while True:
                try:
                    sum(range(1000))
                except Exception:
                    pytest.fail("an error of the work")

    started = time.monotonic()
    with pytest.raises(OutOfTime):
        work()
    assert time.monotonic() - started < 60
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_an_alarm_of_somebody_else_is_left_alone_and_other_threads_have_no_limit():
    signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        with limited(0.05):
            time.sleep(0.1)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 50
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    ended = []

    def work():
        with limited(0.05):
            time.sleep(0.1)
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]


def test_an_alarm_in_a_callback_of_the_garbage_collector_is_not_lost():
    # The alarm rings while the callback runs, where Python would print what is raised and go on.
    def callback(phase, info):
        time.sleep(0.3)

    def work():
        with limited(0.05):
            gc.collect()
            time.sleep(60)

    gc.callbacks.append(callback)
    try:
        with pytest.raises(OutOfTime):
            work()
    finally:
        gc.callbacks.remove(callback)


def test_an_alarm_in_a_finalizer_is_not_lost():
    class Slow:
        def __del__(self):
            time.sleep(0.3)

    def work():
        with limited(0.05):
            slow = Slow()
            del slow
            time.sleep(60)

    with pytest.raises(OutOfTime):
        work()
