"""Makers of bad files that text alone can't write down: containers, logs with one thing wrong, reports."""

import io
import json
import struct
import zipfile
from copy import deepcopy

import numpy as np
import polars as pl

GOOD = "model,item,score\na,q1,1\na,q2,0\nb,q1,1\nb,q2,1\n"
# Enough rows for an audit of one check.
LONG = "model,item,score,digits,site\n" + "".join(
    f"{m},q{i},{(i * (7 if m == 'a' else 11)) % 13 % 2},{i % 6 + 1},{'xyz'[i % 3]}\n" for m in "ab" for i in range(60)
)
# One row an example: something to learn from, ten rows at each of six sites.
LEARN = "x,z,site,day,y\n" + "".join(
    f"{i % 7},{i % 5 / 4},{'abcdef'[i % 6]},2024-01-{i % 28 + 1:02d},{int(i % 7 > 3)}\n" for i in range(240)
)


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def put(document, path, value):
    """A copy of a document with one node replaced; the path is keys and places divided by dots, '-' deletes."""
    copy = deepcopy(document)
    *way, last = [int(p) if p.lstrip("-").isdigit() else p for p in path.split(".")]
    node = copy
    for part in way:
        node = node[part]
    if value is DELETED:
        del node[last]
    else:
        node[last] = value
    return copy


DELETED = object()


def deep(levels, open_="[", close="]"):
    return open_ * levels + close * levels


# Containers


def parquet(columns, **options):
    buffer = io.BytesIO()
    pl.DataFrame(columns, strict=False).write_parquet(buffer, **options)
    return buffer.getvalue()


def arrow(columns):
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_ipc(buffer)
    return buffer.getvalue()


def arrow_stream(columns):
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_ipc_stream(buffer)
    return buffer.getvalue()


def not_utf8_parquet():
    """Text whose bytes are no UTF-8, as writers of other languages leave it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw = pa.array([b"caf\xe9", b"caf\xe9", b"q\xff", b"q\xfe"], type=pa.binary())
    text = pa.StringArray.from_buffers(len(raw), raw.buffers()[1], raw.buffers()[2])
    buffer = io.BytesIO()
    pq.write_table(pa.table({"model": text, "item": ["a", "b", "a", "b"], "score": [1, 0, 1, 1]}), buffer)
    return buffer.getvalue()


def doubled_parquet(columns, kind="parquet"):
    """A column file in which two columns bear one name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table([pa.array(v) for _, v in columns], names=[n for n, _ in columns])
    buffer = io.BytesIO()
    if kind == "parquet":
        pq.write_table(table, buffer)
    else:
        with pa.ipc.new_file(buffer, table.schema) as writer:
            writer.write_table(table)
    return buffer.getvalue()


def archive(members, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content if isinstance(content, str | bytes) else json.dumps(content))
    return buffer.getvalue()


def claims(data, size):
    """An archive whose directory claims another size for its first member."""
    at = data.index(b"PK\x01\x02") + 24
    return data[:at] + struct.pack("<I", size) + data[at + 4 :]


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(shape, dtype="<f8", data=b""):
    """A NumPy array whose header says what it likes."""
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def npz_bomb(megabytes=300):
    """Zeros that compress a thousand times."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("X.npy", "w", force_zip64=True) as member,
    ):
        member.write(npy((megabytes * 131072,)))
        for _ in range(megabytes):
            member.write(ZEROS)
    return buffer.getvalue()


ZEROS = bytes(1 << 20)


def bomb(name, megabytes=200):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file, file.open(name, "w") as member:
        for _ in range(megabytes):
            member.write(ZEROS)
    return buffer.getvalue()


# Logs of tools: the least valid ones; each is read with exit code 0


def lm_rows(n=4):
    return [
        {
            "doc_id": i, "doc": {"question": f"q{i}", "level": "ab"[i % 2]}, "target": "1", "filter": "none",
            "arguments": {"gen_args_0": {"arg_0": f"q{i}", "arg_1": " A"}, "gen_args_1": {"arg_0": f"q{i}", "arg_1": " B"}},
            "resps": [[["-1.2", "True"]], [["-2.0", "False"]]], "filtered_resps": [["-1.2", "True"], ["-2.0", "False"]],
            "metrics": ["acc"], "doc_hash": f"h{i}", "acc": float(i % 2),
        }
        for i in range(n)
    ]  # fmt: skip


def lm(path=None, value=None, row=1):
    rows = lm_rows()
    if path is not None:
        rows[row] = put(rows[row], path, value)
    return lines(*rows)


def lm_results(path=None, value=None):
    document = {
        "results": {"sums": {"acc,none": 0.5}}, "configs": {"sums": {}}, "versions": {"sums": 1},
        "higher_is_better": {"sums": {"acc": True}}, "config": {"model": "hf", "model_args": "pretrained=tiny"},
        "model_name": "tiny",
    }  # fmt: skip
    return json.dumps(document if path is None else put(document, path, value))


def inspect_document():
    return {
        "version": 2, "status": "success",
        "eval": {"model": "tiny", "task": "sums", "scorers": [{"name": "match"}]},
        "samples": [
            {
                "id": i, "epoch": 1, "input": f"q{i}", "target": "A", "metadata": {"level": "ab"[i % 2]},
                "scores": {"match": {"value": "CI"[i % 2], "answer": "A"}},
            }
            for i in range(4)
        ],
    }  # fmt: skip


def inspect_json(path=None, value=None):
    document = inspect_document()
    return json.dumps(document if path is None else put(document, path, value))


def inspect_members(path=None, value=None):
    document = inspect_document()
    members = {
        "header.json": {k: v for k, v in document.items() if k != "samples"},
        "summaries.json": document["samples"],
    }
    return members if path is None else put(members, path, value)


def inspect_eval(path=None, value=None):
    """Paths name the member first, by a slash for its dot."""
    members = {k.replace(".", "/"): v for k, v in inspect_members().items()}
    members = members if path is None else put(members, path, value)
    return archive({k.replace("/json", ".json"): v for k, v in members.items()})


def helm_rows():
    return [
        {
            "instance_id": f"id{i}", "train_trial_index": 0,
            "stats": [{"name": {"name": "exact_match", "split": "test"}, "count": 1, "sum": i % 2, "mean": i % 2}],
        }
        for i in range(4)
    ]  # fmt: skip


def helm(path=None, value=None):
    rows = helm_rows()
    return json.dumps(rows if path is None else put(rows, path, value))


def helm_spec(path=None, value=None):
    document = {
        "name": "sums:model=tiny",
        "adapter_spec": {"model": "tiny"},
        "scenario_spec": {"class_name": "s", "args": {"k": 1}},
    }
    return json.dumps(document if path is None else put(document, path, value))


def helm_state(path=None, value=None):
    document = {
        "adapter_spec": {},
        "request_states": [
            {
                "instance": {
                    "id": f"id{i}", "input": {"text": f"q{i}"},
                    "references": [{"output": {"text": "A"}, "tags": ["correct"]}],
                },
                "train_trial_index": 0, "result": {"completions": [{"text": "A"}]},
            }
            for i in range(4)
        ],
    }  # fmt: skip
    return json.dumps(document if path is None else put(document, path, value))


def eee_rows():
    return [
        {
            "evaluation_id": "e", "model_id": "tiny", "evaluation_name": "sums", "sample_id": f"s{i}",
            "input": {"raw": f"q{i}", "reference": ["A"]}, "output": {"raw": ["A"]},
            "evaluation": {"score": float(i % 2), "is_correct": bool(i % 2)}, "metadata": {"level": "ab"[i % 2]},
        }
        for i in range(4)
    ]  # fmt: skip


def eee(path=None, value=None, row=1):
    rows = eee_rows()
    if path is not None:
        rows[row] = put(rows[row], path, value)
    return lines(*rows)


def irt_rows():
    return [{"subject_id": m, "responses": {f"q{i}": i % 2 for i in range(4)}} for m in "ab"]


def irt(path=None, value=None, row=1):
    rows = irt_rows()
    if path is not None:
        rows[row] = put(rows[row], path, value)
    return lines(*rows)


def light_rows():
    return [
        {
            "doc": {"query": f"q{i}", "choices": ["A", "B"], "gold_index": 0, "id": str(i), "task_name": "sums"},
            "metric": {"acc": float(i % 2)},
            "model_response": {"text": ["A"], "logprobs": [-0.2, -0.9]},
        }
        for i in range(4)
    ]


def light(path=None, value=None):
    """The same change in every row, since a column has one type."""
    rows = light_rows()
    if path is not None:
        rows = [put(row, path, value) for row in rows]
    return parquet({k: [row[k] for row in rows] for k in rows[0]})


# Reports


def report(path=None, value=None):
    """A report of an audit as JSON, with one node changed."""
    document = deepcopy(_report())
    return json.dumps(document if path is None else put(document, path, value))


_made = {}


def _report():
    if "report" not in _made:
        import unseen

        table = pl.read_csv(io.StringIO(LONG))
        made = unseen.audit(table, unseen="digits > 3", select=["U101"], settings=unseen.Settings(n_resamples=100))
        _made["report"] = json.loads(json.dumps(made.document))
    return _made["report"]


def plan_report():
    from unseen import api

    return json.loads(json.dumps(api.plan(models=1, items=786, select=["U101"]).document))
