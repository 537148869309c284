"""In which language a text is, by its commonest small words; and sentences to write in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from unseen.tasks.instructions.reading import word_spans

# Small words that are common in one of these languages and in none of the others; a word that two share is in no list.
_COMMON: Mapping[str, str] = {
    "English": "the and of is that it with as his her are this be from have they which you were not but their we there been has "
    "would if can",
    "German": "der die das und ist nicht ein eine mit auf für von dem den sich auch werden aus dass sie nach wird bei einer sind "
    "noch wie einem über einen zum haben nur oder aber vor zur bis mehr durch",
    "French": "et est une des du qui dans pour pas sur avec cette elle nous vous ils sont aux mais leur ses être comme très où je "
    "sans depuis toujours",
    "Spanish": "el los las del por para pero sus muy también hasta hay donde cuando fue está más yo todo este porque desde ella "
    "ellos siempre",
    "Italian": "gli della nel che di è sono anche questo alla dei più dal nella suo sua delle tutto essere molto quando dove "
    "sempre loro senza dopo",
}
SMALL: Mapping[str, frozenset[str]] = {language: frozenset(words.split()) for language, words in _COMMON.items()}
# Languages that can be asked for.
LANGUAGES = tuple(language for language in SMALL if language != "English")
# Sentences without commas, digits and words that can be asked for or forbidden; nouns for {x} where none is required.
FRAMES: Mapping[str, tuple[str, ...]] = {
    "German": (
        "Das ist auch {x} und nicht nur ein Haus.",
        "Der Hund ist mit {x} auf dem Weg nach Hause.",
        "Die Frau wird aber {x} bei dem Kind haben.",
        "Sie sind noch vor {x} und das ist mehr als nichts.",
    ),
    "French": (
        "Elle est avec {x} dans une maison.",
        "Cette femme est sur une route et {x} est pour nous.",
        "Ils sont avec {x} depuis toujours mais sans eux.",
        "Je suis dans une rue où {x} est très calme.",
    ),
    "Spanish": (
        "El perro está con {x} desde siempre.",
        "Ella fue hasta el puente por {x} para los chicos.",
        "Hay {x} para todo este grupo también.",
        "Yo fui donde está {x} porque es muy bonito.",
    ),
    "Italian": (
        "Gli amici sono anche con {x} nella casa.",
        "Questo è {x} della donna che sono io.",
        "Loro sono sempre dove {x} è molto bello.",
        "Sono senza {x} dopo tutto questo tempo.",
    ),
}
NOUNS: Mapping[str, tuple[str, ...]] = {
    "German": ("Wasser", "Freude", "Besuch", "Arbeit"),
    "French": ("toi", "Marie", "Paul", "Claire"),
    "Spanish": ("Marta", "Pablo", "Lucas", "Elena"),
    "Italian": ("Giulia", "Marco", "Luca", "Elena"),
}
# Of the small words found, at least so many in a hundred are of the language; and of all words at least one in ten.
LEAST, ONE_IN = 80, 10


def small_words(text: str) -> Counter[str]:
    """How many small words of each language a text has.

    >>> small_words("Das ist nicht the end.")
    Counter({'German': 3, 'English': 1})
    """
    words = [text[a:b].casefold() for a, b in word_spans(text)]
    return Counter({name: n for name, some in SMALL.items() if (n := sum(word in some for word in words))})


def is_in(language: str, text: str) -> bool:
    """Whether a text is in a language: four fifths of its small words are of that one, and one in ten of all its words.

    The rule is exact, not clever: a text without small words is in none.

    >>> is_in("French", "Elle est dans une maison."), is_in("French", "Maison"), is_in("French", "She is in the house.")
    (True, False, False)
    """
    found = small_words(text)
    own, every = found[language], found.total()
    return own > 0 and 100 * own >= LEAST * every and ONE_IN * own >= len(word_spans(text))


def spoilt(language: str, text: str) -> str:
    """A text with so many English small words behind it that it is just not in the language any more."""
    while is_in(language, text):
        text += " the"
    return text
