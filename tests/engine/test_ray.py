"""The Ray executor on a local cluster of two nodes."""

import math
import os
import sys
import time

import pytest

ray = pytest.importorskip("ray")

from unseen.engine.executors import Job, JobFailed, run_jobs  # noqa: E402
from unseen.engine.losses import DEATHS  # noqa: E402

# Workers can't import this module by its name: its functions travel by value.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    made.wait_for_nodes()
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


def test_results_come_in_order_and_equal_those_of_one_process(cluster):
    assert sum(node["Alive"] for node in ray.nodes()) == 2
    jobs = [Job(f"j{i}", {"x": float(i), "y": 3.0}) for i in range(12)]
    assert run_jobs(_power, jobs, executor="ray") == run_jobs(_power, jobs, executor="serial")


def test_a_failing_job_is_named(cluster):
    with pytest.raises(JobFailed, match="second failed with ValueError"):
        run_jobs(_root, [Job("first", {"x": 4.0}), Job("second", {"x": -1.0})], executor="ray")


def test_what_kills_its_worker_or_runs_too_long_is_lost_alone_and_given_up_where_nothing_else_is_learnt(cluster, capfd):
    """Jobs of one group that all end their process are not all tried; another group's are done."""
    jobs = [Job(f"dies {i}", {"how": "dies"}, group=("m",)) for i in range(12)]
    jobs += [Job(how, {"how": how}, group=("n",)) for how in ("hangs", "hangs in C", "fine")]
    found = run_jobs(_harm, jobs, executor="ray", seconds=6, lost=lambda job, lost: lost)
    assert (found[0].why, found[0].kind) == ("ended its process (exit code 3)", "died")
    tried = sum(lost.tried for lost in found[:12])
    assert DEATHS <= tried < 12
    assert [(lost.why, lost.kind) for lost in found[12:14]] == [("ran longer than 6 s", "time")] * 2
    assert found[14] == "fine"
    # What Ray tells of dead workers stays out of a report on standard output.
    assert capfd.readouterr().out == ""


def test_without_a_limit_a_job_runs_on_the_cluster_s_own_worker_and_one_that_dies_is_lost_alone(cluster):
    jobs = [Job("dies", {"how": "dies"}), Job("fine", {"how": "fine"})]
    lost, fine = run_jobs(_harm, jobs, executor="ray", lost=lambda job, lost: lost)
    assert ("lost its worker" in lost.why, lost.kind, fine) == (True, "died", "fine")


def test_nothing_is_left_on_the_cluster_by_a_run_that_ends_early(cluster, tmp_path):
    """A failed job ends the run; what hung beside it is ended with its process, though the cluster goes on."""
    jobs = [
        Job("hangs", {"how": "hangs in C", "note": str(tmp_path / "pid")}),
        Job("bad", {"how": "raises", "note": str(tmp_path / "pid")}),
    ]
    with pytest.raises(JobFailed, match="bad failed with ValueError"):
        run_jobs(_harm, jobs, executor="ray", seconds=60)
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 30
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < until:
        time.sleep(0.1)
    assert not os.path.exists(f"/proc/{pid}")


def _harm(how, note=""):
    import ctypes
    import os
    import time

    if how == "dies":
        os._exit(3)
    if how == "hangs":
        time.sleep(60)
    if how == "hangs in C":
        if note:
            with open(note, "w") as file:
                file.write(str(os.getpid()))
        ctypes.PyDLL(None).sleep(60)
    if how == "raises":
        while not (os.path.exists(note) and os.path.getsize(note)):
            time.sleep(0.1)
        raise ValueError("bad")
    return "fine"


def _power(x, y):
    return x**y


def _root(x):
    return math.sqrt(x)
