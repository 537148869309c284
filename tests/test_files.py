"""Where a report may be written: nowhere that destroys what was there."""

import os
import stat
import threading

import pytest

from unseen.errors import BadInput
from unseen.files import require_writable, write_atomically


def test_a_report_never_replaces_what_it_was_made_from(tmp_path):
    source = tmp_path / "log.csv"
    source.write_text("a\n")
    link = tmp_path / "link.csv"
    link.symlink_to(source)
    for output in (source, link, tmp_path / "sub" / ".." / "log.csv"):
        (tmp_path / "sub").mkdir(exist_ok=True)
        with pytest.raises(BadInput, match="is read by this command"):
            require_writable(output, [str(tmp_path / "*.csv")])


def test_a_log_in_a_folder_that_is_read_is_kept_and_an_older_report_is_not(tmp_path):
    log, report = tmp_path / "samples.json", tmp_path / "report.json"
    log.write_text("[]")
    report.write_text('{\n "schema_version": 2,\n "unseen_version": "0.1.0"}')
    with pytest.raises(BadInput, match="is read by this command"):
        require_writable(log, [tmp_path])
    require_writable(report, [tmp_path])
    require_writable(tmp_path / "report.html", [tmp_path])


def test_a_read_only_file_stays_as_it_is(tmp_path):
    kept = tmp_path / "r.html"
    kept.write_text("old")
    kept.chmod(0o444)
    with pytest.raises(BadInput, match="is read-only"):
        require_writable(kept)


def test_what_is_no_file_device_or_pipe_is_refused(tmp_path):
    import socket

    place = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(place))
        with pytest.raises(BadInput, match="neither a file, a device nor a pipe"):
            require_writable(place)


def test_a_link_is_followed_and_stays(tmp_path):
    target, link = tmp_path / "deep" / "r.html", tmp_path / "r.html"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to(target)
    require_writable(link)
    write_atomically(link, "new")
    assert target.read_text() == "new"
    assert link.is_symlink()


def test_pipes_and_devices_are_written_to_directly(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    require_writable(pipe)
    write_atomically(pipe, "through")
    reader.join()
    assert got == ["through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_atomically(type(pipe)("/dev/null"), "gone")
