"""How an answer is read and scored: the rule is shown, and what can't be read is said, not guessed."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

from unseen.errors import BadInput
from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item, place_of
from unseen.learners.questions.layout import LETTERS
from unseen.learners.questions.logged_scorers import reader_named

SCORERS = "by-item, exact, choice, letter, likelihood, likelihood-norm, number, regex:PATTERN or module:function"
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w]|\.\d)|(?<![\w.])[-+]?\.\d+")
SAID = re.compile(
    r"(?:answer|option|choice)\b[^\n\w(]{0,6}(?:is|:|=)?\s*[^\w\n(]{0,3}\(?([A-Za-z]|\d{1,2})\)?(?![\w])", re.I
)
ALONE = re.compile(r"^[\s*_(\"'`]*([A-Za-z]|\d{1,2})[\s*_)\"'`.:]*$")
BEGINS = re.compile(r"^[\s*_(\"'`]*([A-Za-z]|\d{1,2})[\"'`*_]*[).:](?=\s|$)")


# A number with what it counts: "80 km", "$5", "12 %".
QUANTITY = re.compile(
    r"(?P<sign>[$€£¥]?)\s?(?<![\w.,])(?P<number>[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s?"
    r"(?P<unit>%|°[CF]?|[^\W\d_]{1,16}(?:/[^\W\d_]{1,8})?[²³]?|)(?!\w)"
)
# Right answers that are as few, and as short, are labels, each of so many items on average.
MOST_LABELS = 12
LONGEST_LABEL = 3
ITEMS_A_LABEL = 4
DENIED = re.compile(r"(?:\b(?:not|never|neither|nor|non)|n['’]t)(?:\s+(?:a|an|the|really|quite|so))?\s*[-\s]?$")


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer as it was read.

    Attributes:
        prediction: What was answered; None where nothing could be read.
        score: How right it is; 0 where nothing could be read.
    """

    prediction: str | None
    score: float


@dataclass(frozen=True, slots=True)
class Scorer:
    """Reads answers and scores them.

    Attributes:
        name: As it is named on the command line, or ``by-item``.
        rule: What it does, as a sentence.
        read: Of a form and the model's text.
        named: Whether the user named it.
        compares: Whether options are compared by their log-probability, instead of an answer that is read: as in the log,
            always, or never.
        labels: The right answers, where these are few labels; see ``fitted``.
    """

    name: str
    rule: str
    read: Callable[[Form, str], Reading]
    named: bool = True
    compares: Literal["as logged", "always", "never"] = "never"
    labels: tuple[str, ...] = ()


def plain(text: str) -> str:
    """A text for comparison: one case, single spaces, no marks around it.

    >>> plain(" **Paris**. "), plain("1,000")
    ('paris', '1,000')
    """
    return " ".join(text.casefold().split()).strip(" *_`\"'.!")


def boxed(text: str) -> str:
    r"""What the last ``\boxed{…}`` of a text holds; the text itself where it has none.

    >>> boxed(r"So it is \boxed{\frac{1}{2}}."), boxed("4")
    ('\\frac{1}{2}', '4')
    """
    start = text.rfind("\\boxed{")
    if start < 0:
        return text
    depth, begin = 0, start + len("\\boxed{")
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth < 0:
            return text[begin:place]
    return text


def number_in(text: str) -> str | None:
    """The number that a text gives as its answer: after ``####`` or "answer is", else the last one; None where there is none.

    >>> number_in("6 + 7 is 13, so the answer is 1,300.50."), number_in("none")
    ('1300.5', None)
    """
    marked = re.search(r"(?:####|answer(?: is|:)|=\s*$)\s*[$€]?\s*(?P<n>[-+]?[\d.,]*\d)", text, re.IGNORECASE)
    found = [marked["n"]] if marked else NUMBER.findall(text)
    try:
        value = Decimal(found[-1].replace(",", "").rstrip("."))
    except (IndexError, InvalidOperation):
        return None
    return format(value.normalize(), "f") if value else "0"


def _exact(form: Form, text: str) -> Reading:
    said = plain(text)
    return Reading(said or None, float(bool(said) and said == plain(form.item.target)))


def _formula(form: Form, text: str) -> Reading:
    said = _written(text)
    return Reading(said or None, float(bool(said) and said == _written(form.item.target)))


def _written(text: str) -> str:
    r"""A formula without what does not change it.

    >>> _written(r"$\dfrac{1}{2}$ "), _written(r"\left( 1, 2 \right)")
    ('\\frac{1}{2}', '(1,2)')
    """
    text = re.sub(r"\\[dt]frac", r"\\frac", plain(boxed(text)).strip("$"))
    return re.sub(r"\\left(?![a-z])|\\right(?![a-z])|\\[,;! ]|\s+|\$", "", text)


def _quantity(form: Form, text: str) -> Reading:
    """A number with its unit; a bare number counts, one with another unit is not read."""
    wanted = QUANTITY.fullmatch(form.item.target.strip())
    if wanted is None or plain(text) == plain(form.item.target):
        return _exact(form, text)
    given = [m for m in QUANTITY.finditer(boxed(text)) if _same_unit(m, wanted)]
    alone = QUANTITY.fullmatch(plain(boxed(text)))
    if not given and (alone is None or alone["unit"] or alone["sign"]):
        return Reading(None, 0.0)
    said = number_in((given[-1] if given or alone is None else alone)["number"])
    return Reading(said, float(said == number_in(wanted["number"])))


def _same_unit(given: re.Match[str], wanted: re.Match[str]) -> bool:
    own, right = given["unit"].casefold(), wanted["unit"].casefold()
    return given["sign"] == wanted["sign"] and (
        not right or own == right or (len(right) > 2 and own.rstrip("s") == right.rstrip("s"))
    )


def label_in(text: str, labels: Sequence[str]) -> str | None:
    """The label that an answer names: alone, at the beginning, after "answer", or the only one of all; None for none or several.

    A label inside another that is named does not count, and none behind "not".

    >>> labels = ("yes", "no", "not sure")
    >>> said = ("Yes.", "No, there is no way, yes.", "The answer is **no**.", "I am not sure", "Yes or no?")
    >>> [label_in(one, labels) for one in said]
    ['yes', 'no', 'no', 'not sure', None]
    >>> label_in("This is not positive.", ("positive", "negative"))
    """
    folded = " ".join(text.casefold().split())
    one_of = "|".join(re.escape(x) for x in sorted(labels, key=len, reverse=True))
    begins = re.match(rf"\W*({one_of})(?=\W*$|\s*[.,:;!\n*])", folded)
    said = re.findall(rf"answer\b[^\n\w]{{0,6}}(?:is|would be)?[^\n\w]{{0,6}}({one_of})(?!\w)", folded)
    if begins or said:
        return said[-1] if said else begins[1] if begins else None
    # A letter by itself may be an article, and "no way" is no answer.
    found = re.finditer(rf"(?<!\w)({one_of})(?!\w)(?!(?<=\bno)\s+\w)", folded) if min(map(len, labels)) > 1 else ()
    named = {m[1] for m in found if not DENIED.search(folded[: m.start()])}
    return named.pop() if len(named) == 1 else None


def _number(form: Form, text: str) -> Reading:
    said = number_in(boxed(text))
    return Reading(said, float(said is not None and said == number_in(form.item.target)))


def _choice(form: Form, text: str) -> Reading:
    options = form.item.options
    if not options:
        return _exact(form, text)
    place = chosen(form, boxed(text))
    if place is None:
        return Reading(None, 0.0)
    return Reading(options[place], float(options[place] == form.item.target))


def chosen(form: Form, text: str) -> int | None:
    """Place of the option that an answer names; None where it names none, or several.

    A label counts where it stands alone, after "answer" or "option", or at the beginning before a mark; else the text of
    exactly one option (an option inside another that is named does not count).

    >>> from unseen.learners.questions.items import Item
    >>> form = Form(Item("1", "Capital?", "Rome", ("Paris", "Rome")), "1")
    >>> [chosen(form, t) for t in ("B", "(b)", "The answer is **B**.", "B. Rome", "It is Rome", "Paris or Rome", "A city", "")]
    [1, 1, 1, 1, 1, None, None, None]
    """
    options = form.item.options
    exact = [i for i, o in enumerate(options) if plain(o) == plain(text)]
    if len(exact) == 1:
        return exact[0]
    if form.style.labelled:
        for pattern in (ALONE, BEGINS):
            if (found := pattern.search(text)) and (at := _place(form, found[1])) is not None:
                return at
        said = {at for m in SAID.finditer(text) if (at := _place(form, m[1])) is not None and not _article(m[1], text)}
        if len(said) == 1:
            return said.pop()
    folded, words = _words(text), [_words(o) for o in options]
    named = [i for i, w in enumerate(words) if w.strip() and w in folded]
    longest = [i for i in named if not any(words[i] in words[j] and i != j for j in named)]
    return longest[0] if len(longest) == 1 else None


def _words(text: str) -> str:
    """The words of a text with a space before, between and after them."""
    return " ".join(["", *re.findall(r"[^\W_]+", text.casefold()), ""])


def _place(form: Form, label: str) -> int | None:
    n = len(form.item.options)
    numbered = form.style.labels == "numbers"
    at = int(label) - 1 if label.isdigit() and numbered else LETTERS.find(label.upper()) if not numbered else -1
    return at if 0 <= at < n else None


def _article(label: str, text: str) -> bool:
    """Whether "a" is a word of the sentence: "the answer is a city"."""
    return label == "a" and bool(re.search(r"\ba [a-z]", text))


def _by_item(form: Form, text: str, labels: Sequence[str] = ()) -> Reading:
    if (checks := form.item.checked) is not None:
        return Reading(text.strip() or None, checks.score(text))
    if (known := _reader(form.item)) is not None:
        read = [known[1](text, wanted, len(form.item.options)) for wanted in _any_of(form.item)]
        said, score = max(read, key=lambda one: one[1])
        return Reading(said if said is None or not form.item.options else _option(form, said, text), score)
    if form.item.options:
        return _choice(form, text)
    return _READS[kind_of(form.item, labels)](form, text, labels)


def _any_of(item: Item) -> tuple[str, ...]:
    """What counts as right in the log: of several right answers, which readers join by a semicolon, each one."""
    several = not item.options and "; " in item.wanted
    return (item.wanted, *item.wanted.split("; ")) if several else (item.wanted,)


def kind_of(item: Item, labels: Sequence[str] = ()) -> str:
    r"""How the answer to an item without options is read where no scorer is named.

    >>> [kind_of(Item("1", "?", target), ("yes", "no")) for target in ("1,300", "Yes", "80 km", r"\frac{1}{2}", "the cat")]
    ['number', 'label', 'quantity', 'formula', 'exact']
    """
    target = item.target.strip()
    # Solutions of word problems end so, with their steps ahead.
    if NUMBER.fullmatch(target) or re.search(r"####\s*[$€£]?[-+]?[\d.,]*\d\s*$", target):
        return "number"
    if plain(target) in labels:
        return "label"
    if QUANTITY.fullmatch(target):
        return "quantity"
    return "formula" if re.search(r"\\[a-z]|\^", target) else "exact"


def _label(form: Form, text: str, labels: Sequence[str]) -> Reading:
    said = label_in(boxed(text), labels)
    return Reading(said, float(said == plain(form.item.target)))


_READS: dict[str, Callable[[Form, str, Sequence[str]], Reading]] = {
    "number": lambda form, text, _: _number(form, text), "label": _label,
    "quantity": lambda form, text, _: _quantity(form, text), "formula": lambda form, text, _: _formula(form, text),
    "exact": lambda form, text, _: _exact(form, text),
}  # fmt: skip


def labels_of(items: Iterable[Item]) -> tuple[str, ...]:
    """The labels that right answers are, such as yes and no; empty where they are too many, too long or too rarely the same.

    >>> labels_of([Item(str(i), "Is it?", "Yes" if i % 2 else "no") for i in range(8)])
    ('no', 'yes')
    >>> labels_of([Item(str(i), "Who?", f"Ann {i}") for i in range(8)])
    ()
    """
    free = [
        i
        for i in items
        if not i.options and not i.checks and _reader(i) is None and not NUMBER.fullmatch(i.target.strip())
    ]
    found = Counter(plain(i.target) for i in free)
    few = (
        2 <= len(found) <= MOST_LABELS and sum(found.values()) >= ITEMS_A_LABEL * len(found) and min(found.values()) > 1
    )
    return tuple(sorted(found)) if few and all(0 < len(x.split()) <= LONGEST_LABEL for x in found) else ()


def fitted(scorer: Scorer, items: Iterable[Item]) -> Scorer:
    """A scorer that knows all items: where it goes by the item and right answers are labels, it reads labels.

    >>> by_item = fitted(scorer_named(None), [Item(str(i), "Is it?", "Yes" if i % 2 else "no") for i in range(8)])
    >>> by_item.read(Form(Item("1", "Is it?", "Yes"), "1"), "Yes, it is.").score
    1.0
    """
    labels = labels_of(items) if scorer.name == BY_ITEM.name else ()
    if not labels:
        return scorer
    return replace(scorer, labels=labels, read=lambda form, text: _by_item(form, text, labels))


def hidden(form: Form, text: str, scorer: Scorer) -> bool:
    """Whether an answer that is compared as a whole holds the right one among other words.

    >>> hidden(Form(Item("1", "Who?", "Ann"), "1"), "It was Ann.", scorer_named(None))
    True
    """
    item = form.item
    by_item = scorer.name == BY_ITEM.name and not item.checks and not item.options and _reader(item) is None
    if not (scorer.name == "exact" or (by_item and kind_of(item, scorer.labels) in ("exact", "formula"))):
        return False
    return plain(item.target) != plain(text) and _words(item.target) in _words(text) and _words(item.target) != ""


def _reader(item: Item) -> Any:
    """The log's own scorer, where the log names one that is known here."""
    told = item.frame.scorer if item.frame is not None else None
    return reader_named(json.dumps(told, sort_keys=True)) if told else None


def _option(form: Form, said: str, text: str) -> str:
    """The option that an answer names, in whatever way the log's scorer reads it."""
    at = place_of(said, form.item.options)
    at = chosen(form, text) if at is None else at
    return said if at is None else form.item.options[at]


def rule_of(scorer: Scorer, items: Iterable[Item]) -> str:
    """How answers to these items are read, in a sentence: the rules of their logs where these are taken."""
    if scorer.name != BY_ITEM.name:
        return scorer.rule
    told: dict[str, None] = {}
    named = f" ({', '.join(scorer.labels)})"
    for item in items:
        if item.frame is not None and item.frame.scored:
            norm = (item.frame.scorer or {}).get("metric") == "acc_norm"
            told[f"the likeliest option{', by its log-probability a letter' if norm else ''}, as in the log"] = None
        elif item.checks:
            told[RULES["checks"]] = None
        else:
            known = _reader(item)
            kind = "choice" if item.options else kind_of(item, scorer.labels)
            own = f"{OF[kind]}{named if kind == 'label' else ''}: {RULES[kind]}"
            told[f"{known[0]}, as in the log" if known is not None else own] = None
    return "; ".join(told)


# Whose answers a rule reads, where the item decides.
OF = {
    "choice": "items with options", "number": "numbers", "quantity": "numbers with a unit", "label": "labels",
    "formula": "formulas", "exact": "other texts",
}  # fmt: skip
RULES = {
    "exact": "the answer equals the right one, but for case, spaces and marks around it",
    "choice": "a label alone, after “answer”, or at the beginning before a mark; else the text of exactly one option",
    "letter": "as choice, of a generated answer, also where the log compared log-probabilities",
    "likelihood": "the option whose continuation has the highest log-probability",
    "likelihood-norm": "the option whose continuation has the highest log-probability a letter",
    "checks": "the share of the constraints of an instruction that the answer meets, each by its rule",
    "number": "the number after #### or “answer is”, else the last number",
    "label": "the one that an answer begins with, gives after “answer” or names alone",
    "quantity": "the last number with the unit of the right one, or a bare number",
    "formula": "the answer, or what its last \\boxed{} holds, equals the right one, but for spaces, $ and \\left, \\right",
}
BY_ITEM = Scorer(
    "by-item",
    "; ".join(f"{kind}: {RULES[name]}" for name, kind in OF.items()),
    _by_item,
    named=False,
    compares="as logged",
)


def scorer_named(name: str | None) -> Scorer:
    """A scorer by its name; by default one for each kind of item.

    Raises:
        BadInput: There is no such scorer, or it can't be used.

    >>> scorer_named("number").name, scorer_named(None).name
    ('number', 'by-item')
    >>> scorer_named("fuzzy")
    Traceback (most recent call last):
    ...
    unseen.errors.BadInput: no scorer 'fuzzy'. A scorer is by-item, exact, choice, letter, likelihood, ...
    """
    if name is None:
        return BY_ITEM
    if name == BY_ITEM.name:
        return replace(BY_ITEM, named=True)
    known = {
        "exact": _exact, "choice": _choice, "number": _number, "letter": _choice, "likelihood": _choice,
        "likelihood-norm": _choice,
    }  # fmt: skip
    if name in known:
        compares = "as logged" if name == "choice" else "always" if name.startswith("likelihood") else "never"
        return Scorer(name, RULES[name], known[name], compares=compares)
    if name.startswith("regex:"):
        return _by_pattern(name.removeprefix("regex:"))
    if re.fullmatch(r"[\w.]+:\w+", name):
        return _by_function(name)
    raise BadInput(f"no scorer {name[:60]!r}. A scorer is {SCORERS}.")


def _by_pattern(pattern: str) -> Scorer:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise BadInput(f"--scorer regex:{pattern}: is no regular expression ({error}).") from None
    if not pattern:
        raise BadInput("--scorer regex: needs a pattern behind it, such as 'regex:answer is (.+)'.")

    def read(form: Form, text: str) -> Reading:
        found = compiled.search(text)
        said = None if found is None else next((g for g in found.groups() if g is not None), found[0]).strip()
        return Reading(None, 0.0) if not said else Reading(said, _by_item(form, said).score)

    return Scorer(f"regex:{pattern}", f"the first match of {pattern}, its first group where it has one", read)


def _by_function(name: str) -> Scorer:
    module_name, _, attribute = name.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        function: Any = getattr(importlib.import_module(module_name), attribute)
    # A module of the user's raises what it likes.
    except Exception as error:
        raise BadInput(f"--scorer {name}: can't be imported ({type(error).__name__}: {str(error)[:200]}).") from None
    finally:
        sys.path.remove(here)
    if not callable(function):
        raise BadInput(f"--scorer {name}: is no function.")

    def read(form: Form, text: str) -> Reading:
        try:
            made: Any = function(text, form.item.target, list(form.item.options))
        except Exception as error:
            raise BadInput(
                f"--scorer {name}: failed on the answer {text[:80]!r} to {form.name!r} ({type(error).__name__}: "
                f"{str(error)[:200]})."
            ) from None
        if made is None:
            return Reading(None, 0.0)
        score, said = made if isinstance(made, tuple) and len(made) == 2 else (made, plain(text) or None)
        if isinstance(score, bool) or (isinstance(score, int | float) and 0 <= score <= 1):
            return Reading(None if said is None else str(said), float(score))
        raise BadInput(
            f"--scorer {name}: gave {str(made)[:60]!r}; it must give a score between 0 and 1, (score, what was read), or "
            "None where nothing can be read."
        )

    return Scorer(name, f"{name}(answer, target, options)", read)
