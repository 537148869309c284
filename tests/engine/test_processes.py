"""A worker that dies, hangs, forks or eats memory loses its own job; nothing outlives the parent."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import cloudpickle
import pytest

from unseen.engine.executors import Job, JobFailed, run_jobs
from unseen.engine.processes import kept_workers

# Workers can't import this module by its name: its functions travel by value, as those of a notebook do.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
HARM = {
    "exits": "import sys; sys.exit(0)",
    "leaves": "import os; os._exit(0)",
    "interrupts": "raise KeyboardInterrupt",
    "is killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "crashes": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "hangs": "import time; time.sleep(60)",
    "forks and hangs": "import os, time; os.fork(); time.sleep(60)",
    "closes": "import os; os.closerange(3, 100); os._exit(1)",
}
TOLD = {
    "exits": "called sys.exit(0)",
    "leaves": "ended its process (exit code 0)",
    "interrupts": "raised KeyboardInterrupt",
    "is killed": "was killed (signal 9",
    "crashes": "was crashed (segmentation fault)",
    "hangs": "ran longer than 4 s",
    "forks and hangs": "ran longer than 4 s",
    "closes": "ended its process (exit code 1)",
}


def work(code, value):
    exec(code)
    return value


def told_twice(value):
    os.fork()
    print("noise on standard output")
    return value


def test_what_a_job_does_to_its_process_is_told_and_the_others_finish(capfd):
    jobs = [Job(f"{name} {i}", {"code": code, "value": i}) for i, (name, code) in enumerate(HARM.items())]
    jobs += [Job(f"fine {i}", {"code": "", "value": 100 + i}) for i in range(4)]
    found = run_jobs(work, jobs, workers=2, seconds=4, lost=lambda job, why: (job.name, why))
    assert found[len(HARM) :] == [100, 101, 102, 103]
    for name, (told, why) in zip(HARM, found, strict=False):
        assert told.startswith(name)
        assert why.startswith(TOLD[name]), (name, why)


def test_without_a_rule_for_lost_jobs_the_run_ends_and_names_it():
    with pytest.raises(JobFailed, match=r"^one ended its process \(exit code 3\)"):
        run_jobs(work, [Job("one", {"code": "import os; os._exit(3)", "value": 0})], workers=1)


def test_sys_exit_is_lost_where_the_work_is_done_here_too():
    job = Job("one", {"code": HARM["exits"], "value": 0})
    assert run_jobs(work, [job], executor="serial", lost=lambda job, why: why) == ["called sys.exit(0)"]


def test_a_copy_that_a_job_forks_off_answers_nothing_and_prints_stay_out_of_standard_output(capfd):
    assert run_jobs(told_twice, [Job(str(i), {"value": i}) for i in range(6)], workers=2) == list(range(6))
    assert "noise" not in capfd.readouterr().out


def process(value):
    return os.getpid()


def gone(pid):
    """Whether a process has ended, within a second."""
    for _ in range(20):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_runs_within_a_block_share_their_workers_which_end_with_it_and_dead_ones_are_replaced():
    jobs = [Job(str(i), {"value": i}) for i in range(4)]
    with kept_workers():
        first, second = (set(run_jobs(process, jobs, workers=1)) for _ in range(2))
        assert first == second
        os.kill(*first, signal.SIGKILL)
        time.sleep(0.2)
        third = set(run_jobs(process, jobs, workers=1))
        assert third != first
    assert gone(*third)
    alone = [set(run_jobs(process, jobs, workers=1)) for _ in range(2)]
    assert alone[0] != alone[1]


def test_what_holds_too_much_memory_is_ended_alone(monkeypatch):
    monkeypatch.setattr("unseen.engine.processes._free_memory", lambda: 400 * 2**20)
    eats = "import time, numpy; x = numpy.ones(100_000_000); time.sleep(30)"
    found = run_jobs(
        work, [Job("eats", {"code": eats, "value": 0}), Job("fine", {"code": "", "value": 1})], workers=2,
        lost=lambda job, why: why,
    )  # fmt: skip
    assert "GiB of memory" in found[0]
    assert found[1] == 1


SCRIPT = """
    import os, signal, sys, time
    from unseen.engine.executors import Job, run_jobs

    # Tests that run under nohup inherit an ignored hang-up.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    print("main runs", flush=True)

    def slow(value):
        open(sys.argv[1] + f"/{os.getpid()}", "w").close()
        time.sleep(value)
        return value

    {call}
"""


def script(tmp_path, call):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT).replace("{call}", call))
    (tmp_path / "pids").mkdir()
    return subprocess.Popen(
        [sys.executable, path, tmp_path / "pids"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_script_needs_no_guard_and_its_own_functions_travel(tmp_path):
    run = script(tmp_path, 'print(run_jobs(slow, [Job("a", {"value": 0}), Job("b", {"value": 0.1})], workers=2))')
    out, err = run.communicate(timeout=60)
    assert out == "main runs\n[0, 0.1]\n", err


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(tmp_path, how):
    run = script(tmp_path, 'run_jobs(slow, [Job(str(i), {"value": 50 + i}) for i in range(2)], workers=2)')
    until = time.monotonic() + 60
    while len(workers := [int(p.name) for p in (tmp_path / "pids").iterdir()]) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(workers) == 2
    run.send_signal(how)
    run.communicate(timeout=20)
    until = time.monotonic() + 10
    while any(alive(pid) for pid in workers) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in workers)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
