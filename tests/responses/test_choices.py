"""Options of multiple-choice items come along with the log, in their order."""

import json

from unseen.responses.reading import read


def test_options_of_lm_eval_are_those_of_the_document_or_those_that_were_scored(tmp_path):
    resps = [["-0.1", "True"], ["-2.0", "False"]]
    shared = {"filter": "none", "metrics": ["acc"], "acc": 1.0, "resps": [resps], "filtered_resps": resps}
    docs = [
        {"question": "Capital of Italy?", "choices": ["Rome", "Oslo"]},
        {"question": "Capital of Peru?", "choices": {"text": ["Lima", "Oslo"], "label": ["A", "B"]}},
        {"question": "Capital of Cuba?"},
    ]
    scored = {"gen_args_0": {"arg_0": "Q", "arg_1": " Havana"}, "gen_args_1": {"arg_0": "Q", "arg_1": " Oslo"}}
    path = tmp_path / "samples_capitals_2026-01-01T00-00-00.000000.jsonl"
    rows = [{"doc_id": i, "doc": doc, "target": "0", "arguments": scored, **shared} for i, doc in enumerate(docs)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    table = read([path]).table
    assert table["choices"].to_list() == [["Rome", "Oslo"], ["Lima", "Oslo"], ["Havana", "Oslo"]]
