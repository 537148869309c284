"""Vocabulary of COGS in order of rank, and the probability of each rank.

Source: Kim & Linzen (2020), section 4 and appendix, and the grammar that the authors made their files with: 100 animate
and 100 inanimate nouns, 100 names, 100 nouns for each of three prepositions, verbs in classes of 20. Words are theirs,
misspellings too ("gardner", "lended").
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Generic, TypeVar

from unseen.tasks.draws import Draws

T = TypeVar("T")

# Riemann's zeta at 1.4: rank k has probability k ** -1.4 / zeta; what ranks beyond the list would have is spread evenly.
_EXPONENT, _ZETA = 1.4, 3.1055472779775810
# Probabilities are whole parts of this, so that a last digit of ** that differs between machines changes no word.
_PARTS = 1 << 32


class Weighted(Generic[T]):
    """Values with probabilities, drawn by halving the cumulated shares.

    Args:
        values: What is drawn.
        weights: Of the same length, of any scale, at least one above zero.

    >>> Weighted(["a", "b"], [0, 3]).draw(Draws("doctest"))
    'b'
    """

    __slots__ = ("_cumulated", "values")

    def __init__(self, values: Sequence[T], weights: Sequence[float]) -> None:
        total = sum(weights)
        self.values = tuple(values)
        self._cumulated = [round(c / total * _PARTS) for c in accumulate(weights)]

    def draw(self, d: Draws) -> T:
        """One of the values."""
        return self.values[bisect_right(self._cumulated, d.below(_PARTS))]


def ranked(words: str) -> Weighted[str]:
    """Words in order of rank, under the Zipf law of the published grammar."""
    listed = words.split()
    shares = [k**-_EXPONENT / _ZETA for k in range(1, len(listed) + 1)]
    rest = (1 - sum(shares)) / len(listed)
    return Weighted(listed, [s + rest for s in shares])


ANIMATE = ranked(
    "girl boy cat dog baby child teacher frog chicken mouse lion monkey bear giraffe horse bird duck bunny butterfly "
    "penguin student professor monster hero sailor lawyer customer scientist princess president cow crocodile goose hen "
    "deer donkey bee fly kitty tiger wolf zebra mother father patient manager director king queen kid fish moose pig "
    "pony puppy sheep squirrel lamb turkey turtle doctor pupil prince driver consumer writer farmer friend judge visitor "
    "guest servant chief citizen champion prisoner captain soldier passenger tenant politician resident buyer spokesman "
    "governor guard creature coach producer researcher guy dealer duke tourist landlord human host priest journalist poet"
)
INANIMATE = ranked(
    "cake donut cookie box rose drink raisin melon sandwich strawberry ball balloon bat block book crayon chalk doll "
    "game glue lollipop hamburger banana biscuit muffin pancake pizza potato pretzel pumpkin sweetcorn yogurt pickle "
    "jigsaw pen pencil present toy cracker brush radio cloud mandarin hat basket plant flower chair spoon pillow gumball "
    "scarf shoe jacket hammer bucket knife cup plate towel bottle bowl can clock jar penny purse soap toothbrush watch "
    "newspaper fig bag wine key weapon brain tool crown ring leaf fruit mirror beer shirt guitar chemical seed shell "
    "brick bell coin button needle molecule crystal flag nail bean liver"
)
NAMES = ranked(
    "Emma Liam Olivia Noah Ava William Isabella James Sophia Oliver Charlotte Benjamin Mia Elijah Amelia Lucas Harper "
    "Mason Evelyn Logan Abigail Alexander Emily Ethan Elizabeth Jacob Mila Michael Ella Daniel Avery Henry Sofia Jackson "
    "Camila Sebastian Aria Aiden Scarlett Matthew Victoria Samuel Madison David Luna Joseph Grace Carter Chloe Owen "
    "Penelope Wyatt Layla John Riley Jack Zoey Luke Nora Jayden Lily Dylan Eleanor Grayson Hannah Levi Lillian Isaac "
    "Addison Gabriel Aubrey Julian Ellie Mateo Stella Anthony Natalie Jaxon Zoe Lincoln Leah Joshua Hazel Christopher "
    "Violet Andrew Aurora Theodore Savannah Caleb Audrey Ryan Brooklyn Asher Bella Nathan Claire Thomas Skylar Leo"
)
PLACES = {
    "on": ranked(
        "table stage bed chair stool road tree box surface seat speaker computer rock boat cabinet TV plate desk bowl "
        "bench shelf cloth piano bible leaflet sheet cupboard truck tray notebook blanket deck coffin log ladder barrel "
        "rug canvas tiger towel throne booklet sock corpse sofa keyboard book pillow pad train couch bike pedestal "
        "platter paper rack board panel tripod branch machine floor napkin cookie block cot device yacht dog mattress "
        "ball stand stack windowsill counter cushion hanger trampoline gravel cake carpet plaque boulder leaf mound bun "
        "dish cat podium tabletop beach bag glacier brick crack vessel futon turntable rag chessboard"
    ),
    "in": ranked(
        "house room car garden box cup glass bag vehicle hole cabinet bottle shoe storage cot vessel pot pit tin can "
        "cupboard envelope nest bush coffin drawer container basin tent soup well barrel bucket cage sink cylinder "
        "parcel cart sack trunk wardrobe basket bin fridge mug jar corner pool blender closet pile van trailer saucepan "
        "truck taxi haystack dumpster puddle bathtub pod tub trap bun microwave bookstore package cafe train castle "
        "bunker vase backpack tube hammock stadium backyard swamp monastery refrigerator palace cubicle crib condo tower "
        "crate dungeon teapot tomb casket jeep shoebox wagon bakery fishbowl kennel china spaceship penthouse pyramid"
    ),
    "beside": ranked(
        "table stage bed chair book road tree machine house seat speaker computer rock car box cup glass bag flower boat "
        "vehicle key painting cabinet TV bottle cat desk shoe mirror clock bench bike lamp lion piano crystal toy duck "
        "sword sculpture rod truck basket bear nest sphere bush surgeon poster throne giant trophy hedge log tent ladder "
        "helicopter barrel yacht statue bucket skull beast lemon whale cage gardner fox sink trainee dragon cylinder "
        "monk bat headmaster philosopher foreigner worm chemist corpse wolf torch sailor valve hammer doll genius baron "
        "murderer bicycle keyboard stool pepper warrior pillar monkey cassette broker bin"
    ),
}
PREPOSITIONS = Weighted(tuple(PLACES), (0.333, 0.333, 0.334))

# Classes of verbs, by stem.
VERBS_OF: dict[str, Weighted[str]] = {
    "omissible": ranked(
        "eat paint draw clean cook dust hunt nurse sketch juggle call hear pack see notice study examine observe know "
        "investigate"
    ),
    "transitive": ranked(
        "like help find love poke admire adore appreciate miss respect throw tolerate value worship discover hold stab "
        "touch pierce toss"
    ),
    "unaccusative": ranked(
        "roll freeze burn shorten float grow slide break crumple split change snap disintegrate collapse decompose "
        "double improve inflate enlarge redden"
    ),
    "unergative": ranked(
        "sleep smile laugh sneeze cry talk dance jog walk run nap snooze scream stutter frown giggle scoff snore smirk "
        "gasp"
    ),
    "dative": ranked(
        "give lend sell offer feed pass send rent serve award bring hand forward promise mail loan post return slip wire"
    ),
    "saying": ranked(
        "like hope say notice believe confess declare prove think admire appreciate respect support tolerate value wish "
        "dream expect imagine mean"
    ),
    "wanting": ranked(
        "want prefer need intend try attempt plan expect hope wish crave like hate love enjoy dream mean long yearn itch"
    ),
    "infinitive": ranked(
        "walk run sleep sneeze nap eat read cook hunt paint talk dance giggle jog smirk call sketch dust clean investigate"
    ),
}

# Shown in training in one role only (or alone), tested in the other: 15 words.
SUBJECT_ONLY, SUBJECT_ONLY_NAME = "hedgehog", "Lina"
OBJECT_ONLY, OBJECT_ONLY_NAME = "cockroach", "Charlie"
ALONE, ALONE_NAME, ALONE_VERB = "shark", "Paula", "crawl"
AGENT_ONLY, THEME_ONLY = "cobra", "hippo"
ACTIVE_ONLY, PASSIVE_ONLY = "bless", "squeeze"
OMITTED_ONLY, UNACCUSATIVE_ONLY = "bake", "shatter"
DOUBLE_ONLY, DATIVE_ONLY = "teleport", "ship"
RESERVED_NOUNS = (SUBJECT_ONLY, OBJECT_ONLY, ALONE, AGENT_ONLY, THEME_ONLY)
RESERVED_NAMES = (SUBJECT_ONLY_NAME, OBJECT_ONLY_NAME, ALONE_NAME)
RESERVED_VERBS = (
    ALONE_VERB, ACTIVE_ONLY, PASSIVE_ONLY, OMITTED_ONLY, UNACCUSATIVE_ONLY, DOUBLE_ONLY, DATIVE_ONLY,
)  # fmt: skip

_IRREGULAR = {
    "eat": ("ate", "eaten"), "draw": ("drew", "drawn"), "hear": ("heard", "heard"), "see": ("saw", "seen"),
    "know": ("knew", "known"), "find": ("found", "found"), "throw": ("threw", "thrown"), "hold": ("held", "held"),
    "say": ("said", "said"), "think": ("thought", "thought"), "mean": ("meant", "meant"), "run": ("ran", "run"),
    "sleep": ("slept", "slept"), "freeze": ("froze", "frozen"), "grow": ("grew", "grown"), "slide": ("slid", "slid"),
    "break": ("broke", "broken"), "split": ("split", "split"), "give": ("gave", "given"), "sell": ("sold", "sold"),
    "send": ("sent", "sent"), "feed": ("fed", "fed"), "bring": ("brought", "brought"), "read": ("read", "read"),
}  # fmt: skip
_DOUBLING = ("plan", "prefer", "stab", "jog", "nap", "snap", "slip", "ship", "worship")


def forms(stem: str) -> tuple[str, str]:
    """Past tense and participle.

    >>> forms("freeze"), forms("study"), forms("worship")
    (('froze', 'frozen'), ('studied', 'studied'), ('worshipped', 'worshipped'))
    """
    if stem in _IRREGULAR:
        return _IRREGULAR[stem]
    past = stem + "ed"
    if stem in _DOUBLING:
        past = f"{stem}{stem[-1]}ed"
    elif stem.endswith("e"):
        past = stem + "d"
    elif stem.endswith("y") and stem[-2] not in "aeiou":
        past = f"{stem[:-1]}ied"
    return past, past


# Stem to past tense and participle.
VERBS: dict[str, tuple[str, str]] = {
    stem: forms(stem) for group in (*(g.values for g in VERBS_OF.values()), RESERVED_VERBS) for stem in group
}


def primitives(d: Draws) -> list[tuple[str, str]]:
    """The 143 single words with their meanings.

    All 80 verbs of four classes, 40 of the 200 common nouns and 20 of the 100 names, and the three words that are shown
    in no other way. Numbers and meanings are the published ones; which nouns and names is drawn.
    """
    agent, theme = "{0} . agent ( e , {1} )", "{0} . theme ( e , a )"
    both = f"LAMBDA a . LAMBDA b . LAMBDA e . {agent} AND {theme}"
    meaning = {
        "omissible": both,
        "transitive": both,
        "unaccusative": f"LAMBDA a . LAMBDA e . {theme}",
        "unergative": f"LAMBDA a . LAMBDA e . {agent}",
    }
    verbs = [
        (v, text.format(v, "b" if text is both else "a"))
        for name, text in meaning.items()
        for v in VERBS_OF[name].values
    ]
    verbs.append((ALONE_VERB, meaning["unergative"].format(ALONE_VERB, "a")))
    nouns = [ALONE, *d.pick((*ANIMATE.values, *INANIMATE.values), 40)]
    names = [ALONE_NAME, *d.pick(NAMES.values, 20)]
    return [*verbs, *((n, f"LAMBDA a . {n} ( a )") for n in nouns), *((n, n) for n in names)]
