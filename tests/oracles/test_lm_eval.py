"""How answers are read that lm-eval filtered, against the harness itself where it is installed."""

import itertools

import pytest

pytest.importorskip("lm_eval")

from unseen.learners.questions.logged_scorers import reader_of

TEXTS = (
    "6 + 7 = 13. #### 13", "#### 13 #### 14", "It is 13", "$1,300.50 in all", "", "none", "The answer is 13.", "13\n", " THIRTEEN ",
    "answer: b", "#### ", "-7", "a 5 b 6",
)  # fmt: skip
TARGETS = ("13", "6 + 7 = 13. #### 13", " 13", "1300.50", "thirteen", "b")
STRICT = [{"function": "regex", "regex_pattern": r"#### (\-?[0-9\.\,]+)"}, {"function": "take_first"}]
LAST = [
    {"function": "regex", "group_select": -1, "regex_pattern": r"(-?[$0-9.,]{2,})|(-?[0-9]+)"},
    {"function": "take_first"},
]
PLAIN = [{"function": "remove_whitespace"}, {"function": "lowercase"}, {"function": "take_first"}]
IGNORED = {"ignore_case": True, "regexes_to_ignore": [",", r"\$", "(?s).*#### ", r"\.$"]}


@pytest.mark.parametrize("steps", [STRICT, LAST, PLAIN, []])
@pytest.mark.parametrize("ignored", [{}, IGNORED, {"ignore_punctuation": True}, {"ignore_numbers": True}])
def test_an_answer_is_scored_as_by_the_harness(steps, ignored):
    import lm_eval.filters  # noqa: F401
    from lm_eval.api.metrics import exact_match_hf_evaluate
    from lm_eval.api.registry import get_filter

    def theirs(text, target):
        told = [[text]]
        for step in steps:
            given = {k: v for k, v in step.items() if k != "function"}
            told = get_filter(step["function"])(**given).apply(told, [{}])
        one = next(iter(told))
        one = one[0] if isinstance(one, list) else one
        return float(exact_match_hf_evaluate([one], [target], **ignored)["exact_match"])

    for text, target in itertools.product(TEXTS, TARGETS):
        around = [target[: len(target) - len(target.lstrip())], target[len(target.rstrip()) :]]
        _, read = reader_of({"tool": "lm-eval", "metric": "exact_match", "filter": steps, "around": around, **ignored})
        assert read(text, target.strip(), 0)[1] == theirs(text, target), (text, target)
