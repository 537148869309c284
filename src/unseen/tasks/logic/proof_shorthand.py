"""Premises and proofs in few tokens, and back: small models read and write these instead of sentences."""

from __future__ import annotations

import re

from unseen.tasks.logic.proof_language import Formula, both, either, fact_sentence, is_a, negated, phrase, read_phrase

_HEADS = {"Assume": "assume", "By cases": "cases", "By contradiction": "absurd", "Prove:": "prove"}


def shorten(text: str, name: str) -> list[str]:
    """Tokens of a text about one individual: concepts, ``not & | -> if then``, heads of lines, and ``.`` after each.

    Articles, "Every", "Everything that" and the individual go, since they say nothing that the rest does not.

    Args:
        text: Premises with "Prove:" and the claim, or a proof, as the task writes them.
        name: The individual.

    >>> " ".join(shorten("Every wumpus is an impus. Rex is a wumpus or not an impus. Prove: Rex is an impus.", "Rex"))
    'wumpus -> impus . wumpus | not impus . prove impus .'
    """
    tokens: list[str] = []
    for line in re.findall(r"[^.]+", text):
        words = line.strip()
        for long, short in _HEADS.items():
            if words.startswith(long + " "):
                words = f"{short} {words.removeprefix(long + ' ')}"
        words = re.sub(rf"\b{re.escape(name)} is ", "", words)
        words = re.sub(r"^Every ([a-z]+) is ", r"\1 -> ", words)
        words = re.sub(r"^Everything that is (.+?) is ", r"\1 -> ", words)
        words = re.sub(r"^If (.+) then ", r"if \1 then ", words)
        swapped = {"and": "&", "or": "|"}
        tokens += [*(swapped.get(w, w) for w in words.split() if w not in ("a", "an")), "."]
    return tokens


def expand(tokens: list[str], name: str) -> str:
    """Sentences of a proof in shorthand; lines that are none stand as they are, so that the checker refuses them.

    >>> expand("wumpus & not impus -> lorpus . assume not impus .".split(), "Rex")
    'Everything that is a wumpus and not an impus is a lorpus. Assume Rex is not an impus.'
    """
    lines = [line.split() for line in " ".join(tokens).split(".") if line.strip()]
    return " ".join(f"{_line(line, name)}." for line in lines)


def _line(words: list[str], name: str) -> str:
    heads = {short: long for long, short in _HEADS.items()}
    if words[0] in heads:
        return f"{heads[words[0]]} {_fact(words[1:], name)}"
    if words[0] == "if" and "then" in words:
        at = words.index("then")
        return f"If {_fact(words[1:at], name)} then {_fact(words[at + 1 :], name)}"
    if "->" in words:
        at = words.index("->")
        premise, conclusion = _formula(words[:at]), _formula(words[at + 1 :])
        if premise is None or conclusion is None:
            return " ".join(words)
        if premise.connective == "is":
            return f"Every {premise.parts[0]} is {phrase(conclusion)}"
        return f"Everything that is {phrase(premise)} is {phrase(conclusion)}"
    return _fact(words, name)


def _fact(words: list[str], name: str) -> str:
    formula = _formula(words)
    return " ".join(words) if formula is None else fact_sentence(name, formula).rstrip(".")


def _formula(words: list[str]) -> Formula | None:
    """The formula of ``wumpus``, ``not wumpus`` or literals joined by one connective, or None."""
    joins = {w for w in words if w in ("&", "|")}
    if len(joins) > 1:
        return None
    parts = " ".join(words).split(f" {next(iter(joins))} ") if joins else [" ".join(words)]
    literals: list[Formula] = []
    for part in parts:
        match = re.fullmatch(r"(not )?([a-z]+)", part)
        if match is None or read_phrase(f"a {match[2]}") is None:
            return None
        literals.append(negated(is_a(match[2])) if match[1] else is_a(match[2]))
    if not joins:
        return literals[0]
    return both(*literals) if joins == {"&"} else either(*literals)
