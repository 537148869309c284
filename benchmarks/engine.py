"""Overhead of executors: wall time of equal jobs of known length over the ideal, and Ray against local processes."""

import json
import os
import time

from unseen.engine.executors import Job, run_jobs


def pause(seconds: float, job: int) -> int:
    """Wait: what a run takes beyond the waiting is the executor's own, however busy the machine is."""
    time.sleep(seconds)
    return job


def timed(executor: str, seconds: float, jobs: int, workers: int) -> float:
    began = time.perf_counter()
    run_jobs(
        pause, [Job(f"j{i}", {"seconds": seconds, "job": i}) for i in range(jobs)], executor=executor, workers=workers
    )
    return time.perf_counter() - began


def main():
    seconds, jobs = 1.0, 24
    found = {"cores": os.cpu_count(), "serial": timed("serial", seconds, 4, 1) * jobs / 4}
    found["ideal_2_workers"] = seconds * jobs / 2
    found["local_2_workers"] = timed("local", seconds, jobs, 2)
    try:
        import ray
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False)
        timed("ray", 0.1, 2, 2)  # the workers start
        found["ray_two_nodes"] = timed("ray", seconds, jobs, 2)
        found["ray_overhead"] = found["ray_two_nodes"] / found["ideal_2_workers"] - 1
        ray.shutdown()
        cluster.shutdown()
    except ImportError:
        found["ray"] = "not installed"
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
