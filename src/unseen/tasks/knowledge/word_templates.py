"""Sentences of word problems: each kind of statement in four wordings, in English and Chinese; and how they are read back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

WORDINGS = ("a", "b", "c", "d")
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "english": (
        "Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ian", "Kim", "Leo", "Mia", "Ned", "Otto", "Rosa", "Sam",
        "Tess", "Uma", "Vera", "Zoe",
    ),
    "chinese": (
        "小明", "小红", "小刚", "小丽", "小华", "小军", "小芳", "小强", "小美", "小龙", "小雪", "小宇", "小杰", "小燕", "小林",
        "小云", "小兰", "小波", "小玲", "小东",
    ),
}  # fmt: skip
THINGS: Mapping[str, tuple[str, ...]] = {
    "english": ("marbles", "stickers", "coins", "pencils", "shells", "stamps"),
    "chinese": ("颗弹珠", "张贴纸", "枚硬币", "支铅笔", "个贝壳", "张邮票"),
}
# p has what is told, q and r are those it is told by, n is the number, t the things (with their measure word), u without.
SENTENCES: Mapping[str, Mapping[str, tuple[str, str, str, str]]] = {
    "english": {
        "given": (
            "{p} has {n} {t}.",
            "{p} owns {n} {t}.",
            "There are {n} {t} in the box of {p}.",
            "{n} {t} belong to {p}.",
        ),
        "more": (
            "{p} has {n} more {t} than {q}.",
            "{p} owns as many {t} as {q} and {n} more.",
            "There are {n} {t} more in the box of {p} than in the box of {q}.",
            "{q} would need {n} more {t} to catch up with {p}.",
        ),
        "fewer": (
            "{p} has {n} fewer {t} than {q}.",
            "{p} owns as many {t} as {q} less {n}.",
            "There are {n} {t} fewer in the box of {p} than in the box of {q}.",
            "{p} falls {n} {t} short of what {q} has.",
        ),
        "times": (
            "{p} has {n} times as many {t} as {q}.",
            "{p} owns {n} {t} for each one that {q} owns.",
            "It takes {n} boxes as full as that of {q} to match the {t} of {p}.",
            "Multiply the {t} of {q} by {n} and you get those of {p}.",
        ),
        "share": (
            "{p} has 1/{n} as many {t} as {q}.",
            "{p} owns as many {t} as are in one share if {q} makes {n} equal shares of all.",
            "The {t} of {q} fill {n} boxes as full as that of {p}.",
            "Divide the {t} of {q} by {n} and you get those of {p}.",
        ),
        "percent": (
            "{p} has {n}% as many {t} as {q}.",
            "{p} owns {n} percent of the number of {t} that {q} owns.",
            "The box of {p} holds {n}% of the number of {t} in the box of {q}.",
            "Take {n} percent of the number of {t} of {q} and you get that of {p}.",
        ),
        "together": (
            "{p} has as many {t} as {q} and {r} together.",
            "{p} owns the same number of {t} as {q} and {r} put together.",
            "The box of {p} holds as many {t} as those of {q} and {r} taken together.",
            "Add the {t} of {q} and {r} and you get those of {p}.",
        ),
        "apart": (
            "{p} has as many {t} as {q} has more than {r}.",
            "{p} owns the number of {t} by which {q} is ahead of {r}.",
            "The box of {p} holds as many {t} as that of {q} does beyond those in that of {r}.",
            "Subtract the {t} of {r} from those of {q} and you get those of {p}.",
        ),
        "question": (
            "How many {t} does {p} have?",
            "What is the number of {t} that {p} owns?",
            "How many {t} are in the box of {p}?",
            "How many {t} belong to {p}?",
        ),
    },
    "chinese": {
        "given": ("{p}有{n}{t}。", "{p}一共有{n}{t}。", "{p}的盒子里有{n}{t}。", "有{n}{t}是{p}的。"),
        "more": (
            "{p}比{q}多{n}{t}。",
            "{q}比{p}少{n}{t}。",
            "{p}的盒子里比{q}的多{n}{t}。",
            "{q}再得到{n}{t}就和{p}一样多。",
        ),
        "fewer": (
            "{p}比{q}少了{n}{t}。",
            "{q}比{p}多出{n}{t}。",
            "{p}的盒子里比{q}的少{n}{t}。",
            "{p}还差{n}{t}才和{q}一样多。",
        ),
        "times": (
            "{p}的{u}数是{q}的{n}倍。",
            "{q}每有一{t}，{p}就有{n}{t}。",
            "{n}个{q}那样的盒子才抵得上{p}的{u}。",
            "{q}的{u}数乘以{n}等于{p}的。",
        ),
        "share": (
            "{p}的{u}数是{q}的{n}分之一。",
            "{q}把{u}平均分成{n}份，一份和{p}的一样多。",
            "{q}的{u}能装满{n}个{p}那样的盒子。",
            "{q}的{u}数除以{n}等于{p}的。",
        ),
        "percent": (
            "{p}的{u}数是{q}的{n}%。",
            "{p}的{u}数等于{q}的百分之{n}。",
            "{p}盒子里的{u}数是{q}盒子里的{n}%。",
            "{q}的{u}数乘以{n}%等于{p}的。",
        ),
        "together": (
            "{p}的{u}数等于{q}和{r}的总和。",
            "{q}和{r}的{u}合起来与{p}的一样多。",
            "{p}的盒子里有{q}和{r}合起来那么多{u}。",
            "{q}的{u}数加上{r}的等于{p}的。",
        ),
        "apart": (
            "{p}的{u}数等于{q}比{r}多的数。",
            "{p}的{u}数正是{q}超过{r}的数。",
            "{p}的盒子里有{q}比{r}多出来那么多{u}。",
            "{q}的{u}数减去{r}的等于{p}的。",
        ),
        "question": ("{p}有多少{t}？", "{p}一共有多少{t}？", "{p}的盒子里有多少{t}？", "有多少{t}是{p}的？"),
    },
}
ASK = {"english": "Answer with the number alone.", "chinese": "只回答数字。"}
JOINT = {"english": " ", "chinese": ""}


def sentence(kind: str, language: str, wording: str, **parts: object) -> str:
    """A statement in words.

    >>> sentence("more", "english", "a", p="Ben", q="Ada", n=3, t="coins")
    'Ben has 3 more coins than Ada.'
    """
    template = SENTENCES[language][kind][WORDINGS.index(wording)]
    return template.format(**parts, u=bare_noun(str(parts["t"])))


def bare_noun(thing: str) -> str:
    """A thing without the measure word that Chinese puts between number and noun.

    >>> bare_noun("颗弹珠"), bare_noun("coins")
    ('弹珠', 'coins')
    """
    return thing if thing.isascii() else thing[1:]


def read(text: str, language: str) -> list[tuple[str, dict[str, str]]]:
    """Kind and parts of each sentence of a problem, whatever its wording.

    Raises:
        ValueError: A sentence that fits no template, or more than one meaning.

    >>> read("小明有3枚硬币。小明有多少枚硬币？", "chinese")[0]
    ('given', {'p': '小明', 'n': '3', 't': '枚硬币'})
    """
    found: list[tuple[str, dict[str, str]]] = []
    for piece in re.split(r"(?<=[.?。？])\s*", text.removesuffix(ASK[language]).strip()):
        if piece:
            meanings = [(kind, m.groupdict()) for kind, p in _patterns(language) if (m := p.fullmatch(piece))]
            if len(meanings) != 1:
                raise ValueError(f"{piece!r} has {len(meanings)} meanings: {meanings}")
            found += meanings
    return found


@cache
def _patterns(language: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    people, things = "|".join(PEOPLE[language]), "|".join(THINGS[language])
    bare = "|".join(map(bare_noun, THINGS[language]))
    inside = {"p": people, "q": people, "r": people, "t": things, "u": bare, "n": r"\d+"}

    def pattern(template: str) -> re.Pattern[str]:
        seen: set[str] = set()

        def group(match: re.Match[str]) -> str:
            name = match[1]
            if name in seen:
                return f"(?P={name})"
            seen.add(name)
            return f"(?P<{name}>{inside[name]})"

        return re.compile(re.sub(r"\\\{(\w)\\\}", group, re.escape(template)))

    return tuple((kind, pattern(t)) for kind, templates in SENTENCES[language].items() for t in templates)
