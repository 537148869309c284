"""What the shell sees of every verb: completion, and options that name nothing."""

import pytest


@pytest.mark.parametrize(
    ("typed", "offered"), [("unseen pl", "plan"), ("unseen audit --sel", "--select"), ("unseen atlas ver", "verify")]
)
def test_the_shell_completes_verbs_and_options(run, monkeypatch, typed, offered):
    monkeypatch.setenv("_UNSEEN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    code, out, _ = run()
    assert (code, out.split()) == (0, [offered])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--select", ","), "names nothing"),
        (("--ignore", " , "), "names nothing"),
        (("--select", "U101", "--ignore", "U1"), "no check is left: all of U101 begin with U1 too."),
    ],
)
def test_an_audit_without_a_check_is_refused(run, log, options, said):
    code, _, err = run("audit", log, *options)
    assert code == 2
    assert said in err


def test_a_quiet_plan_is_one_line(run):
    code, out, err = run("plan", "-q", "--items", 500)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert out.startswith("500 items find a gap of 0.15 or more. ")


def test_a_number_of_items_that_is_a_slip_of_the_hand_is_refused(run):
    code, _, err = run("plan", "--items", 10**30)
    assert code == 2
    assert "lies from 4 to 1e+12, got 1e+30" in err
