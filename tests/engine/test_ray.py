"""The Ray executor on a local cluster of two nodes."""

import math

import pytest

ray = pytest.importorskip("ray")

from unseen.engine.executors import Job, JobFailed, run_jobs  # noqa: E402

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


def _power(x, y):
    return x**y


def _root(x):
    return math.sqrt(x)
