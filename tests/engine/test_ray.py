"""The Ray executor on a local cluster of two nodes."""

import math
import sys

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
    jobs += [Job("hangs", {"how": "hangs"}, group=("n",)), Job("fine", {"how": ""}, group=("n",))]
    found = run_jobs(_harm, jobs, executor="ray", seconds=3, lost=lambda job, lost: lost)
    assert "lost its worker" in found[0].why
    tried = sum(lost.tried for lost in found[:12])
    assert DEATHS <= tried < 12
    assert found[12].why == "ran longer than 3 s"
    assert found[13] == "fine"
    # What Ray tells of dead workers stays out of a report on standard output.
    assert capfd.readouterr().out == ""


def _harm(how):
    import os
    import time

    if how == "dies":
        os._exit(3)
    if how == "hangs":
        time.sleep(60)
    return "fine"


def _power(x, y):
    return x**y


def _root(x):
    return math.sqrt(x)
