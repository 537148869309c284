"""What constraints and openings are called: four wordings of each meaning."""

from __future__ import annotations

from collections.abc import Mapping

from unseen.tasks.instructions.kinds import MANY, Constraint

STYLES = ("plain", "polite", "list", "numbered")
OPENINGS = (
    'Write a short text about the {subject}, and use the word "{subject}" in it.',
    'Could you write something about the {subject}? The word "{subject}" has to be in it.',
    'Task: a text on the topic "{subject}". This word itself must occur.',
    'Please tell me about the {subject}. Mention the word "{subject}".',
)
LEADS = ("", "Please keep to this:", "Requirements:", "Rules for the answer:")
# Ranges: at least, at most, exactly, between.
_COUNTS: Mapping[str, tuple[str, str, str, str]] = {
    "least": (
        "Use at least {low} {unit}.",
        "I would like {low} {unit} or more.",
        "{low} {unit} is the minimum.",
        "Write no fewer than {low} {unit}.",
    ),
    "most": (
        "Use at most {high} {unit}.",
        "I would like no more than {high} {unit}.",
        "{high} {unit} is the maximum.",
        "Do not go over {high} {unit}.",
    ),
    "exact": (
        "Use exactly {low} {unit}.",
        "I would like {low} {unit}, no more and no fewer.",
        "Number of {unit}: {low}.",
        "The answer has precisely {low} {unit}.",
    ),
    "between": (
        "Use between {low} and {high} {unit}.",
        "I would like no fewer than {low} and no more than {high} {unit}.",
        "Number of {unit}: from {low} to {high}, both allowed.",
        "The answer has at least {low} and at most {high} {unit}.",
    ),
}
_UNITS = {"words": "words", "sentences": "sentences", "letters": "letters (spaces, digits and marks not counted)"}
_REPEATS: Mapping[str, tuple[str, str, str, str]] = {
    "least": (
        'Use the word "{w}" at least {low} times.',
        'The word "{w}" should come {low} times or more.',
        'Occurrences of "{w}": {low} at least.',
        'Repeat "{w}" so that it stands there no fewer than {low} times.',
    ),
    "exact": (
        'Use the word "{w}" exactly {low} times.',
        'The word "{w}" should come {low} times, no more and no fewer.',
        'Occurrences of "{w}": {low}.',
        'Repeat "{w}" so that it stands there precisely {low} times.',
    ),
}
_OTHERS: Mapping[str, tuple[str, str, str, str]] = {
    "include": (
        "Include {all}.",
        "I want to find {all} in your answer.",
        "Words that must occur: {all}.",
        "Your answer has to contain {all}.",
    ),
    "exclude": (
        "Do not use {any}.",
        "I do not want to find {any} in your answer.",
        "Forbidden: {any}.",
        "Your answer has to do without {any}.",
    ),
    "order": (
        'Mention "{w}" before you first mention "{v}".',
        'Both "{w}" and "{v}" should occur, "{w}" first.',
        'Order of words: "{w}" comes earlier than any "{v}".',
        'Use the word "{v}" only after the word "{w}", and use both.',
    ),
    "json": (
        "Answer with one JSON object whose keys are {all} and nothing else.",
        "I need the whole answer as a JSON object with just the keys {all}.",
        "Format: a single JSON object, keys {all}.",
        "Wrap the entire answer in one JSON object; its only keys are {all}.",
    ),
    "bullets": (
        'Have exactly {low} bullet points, each on its own line that begins with "- ".',
        'I would like {low} bullets, no more and no fewer: lines that start with "- ".',
        'Bullet points (lines with "- " in front): {low}.',
        'Make a list of precisely {low} lines that start with "- ".',
    ),
    "sections": (
        'Divide it into {low} sections, each under a line of its own: "{name} 1" to "{name} {low}".',
        'I would like {low} sections with text; put "{name} 1" and so on to "{name} {low}" on lines of their own.',
        'Sections: {low}, with the headings "{name} 1" … "{name} {low}" on their own lines.',
        'Give it exactly {low} headings, "{name} 1" up to "{name} {low}", each on its own line and with text below.',
    ),
    "paragraphs": (
        "Write exactly {low} paragraphs with a blank line between them.",
        "I would like {low} paragraphs, no more and no fewer, divided by blank lines.",
        "Paragraphs: {low}, a blank line between two.",
        "The answer has precisely {low} paragraphs; blank lines divide them.",
    ),
    "title": (
        "Put a title on the first line in double angular brackets, such as <<{example}>>.",
        "The first line should be a title between << and >>, such as <<{example}>>.",
        "First line: a title written as <<{example}>>.",
        "Begin with a line that holds only a title, marked like <<{example}>>.",
    ),
    "highlight": (
        "Highlight at least {low} parts with single asterisks, *like this*.",
        "I would like {low} or more parts marked with single asterisks, *like this*.",
        "Parts in single asterisks (*like this*): {low} at least.",
        "Mark no fewer than {low} words or phrases by an asterisk on either side, *like this*.",
    ),
    "case": (
        "Write everything in {w} case.",
        "I would like all letters in {w} case.",
        "Letters: {w} case only.",
        "Every letter of the answer is in {w} case.",
    ),
    "no-commas": (
        "Do not use any commas.",
        "I would like no comma in your answer.",
        "Commas: none.",
        "Your answer has to do without commas.",
    ),
    "no-digits": (
        "Do not use any digits.",
        "I would like no digit (0-9) in your answer.",
        "Digits: none.",
        "Your answer has to do without digits.",
    ),
    "alphabet": (
        "Use only letters of the English alphabet, without accents.",
        "I would like no letters but the 26 of English.",
        "Alphabet: A to Z, nothing accented and no other script.",
        "Your answer has to do without letters that English does not have.",
    ),
    "letter": (
        'Do not use the letter "{w}" at all.',
        'I would like no word that has the letter "{w}" in it.',
        'Forbidden letter: "{w}", in either case.',
        'Your answer has to do without the letter "{w}".',
    ),
    "language": (
        "Write in {w}.",
        "I would like your answer in {w}.",
        "Language of the answer: {w}.",
        "Your answer has to be a text in {w}.",
    ),
    "begin": (
        'Begin with the words "{w}".',
        'The first words should be "{w}".',
        'Start of the answer: "{w}".',
        'Open your answer with "{w}".',
    ),
    "end": (
        'End with the words "{w}".',
        'The last words should be "{w}", nothing after them.',
        'End of the answer: "{w}".',
        'Close your answer with "{w}" and say no more.',
    ),
}


def wording(c: Constraint, style: str) -> str:
    """A constraint in one of its wordings.

    >>> wording(Constraint("words", (), 10, 20), "plain")
    'Use between 10 and 20 words.'
    """
    at = STYLES.index(style)
    if c.kind in _UNITS:
        return _COUNTS[_relation(c)][at].format(low=c.low, high=c.high, unit=_UNITS[c.kind])
    if c.kind == "count":
        return _REPEATS[_relation(c)][at].format(w=c.words[0], low=c.low)
    quoted = [f'"{w}"' for w in c.words]
    names = {
        "all": _listed(quoted, "and"),
        "any": _listed(quoted, "or"),
        "w": c.words[0] if c.words else "",
        "v": c.words[-1] if c.words else "",
        "name": c.words[0] if c.kind == "sections" else "",
        "example": c.words[0] if c.kind == "title" else "",
    }
    return _OTHERS[c.kind][at].format(low=c.low, **names)


def instruction(subject: str, constraints: list[Constraint], style: str) -> str:
    """The whole instruction: what to write about, then the constraints in their order."""
    at = STYLES.index(style)
    said, opening = [wording(c, style) for c in constraints], OPENINGS[at].format(subject=subject)
    if style == "plain":
        return " ".join([opening, *said])
    if style == "polite":
        return " ".join([opening, LEADS[at], *said])
    marks = [f"{i}." for i in range(1, len(said) + 1)] if style == "numbered" else ["-"] * len(said)
    return "\n".join([opening, LEADS[at], *(f"{mark} {line}" for mark, line in zip(marks, said, strict=True))])


def _relation(c: Constraint) -> str:
    if c.high == MANY:
        return "least"
    if c.low <= 1:
        return "most"
    return "exact" if c.low == c.high else "between"


def _listed(words: list[str], joint: str) -> str:
    return "".join(words) if len(words) < 2 else f"{', '.join(words[:-1])} {joint} {words[-1]}"
