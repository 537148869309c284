"""Words of the COGS-like grammar; those that a generalisation case reserves are named apart."""

from __future__ import annotations

# Shown in training in one role only (or alone), tested in the other.
SUBJECT_ONLY, SUBJECT_ONLY_NAME = "hedgehog", "Lina"
OBJECT_ONLY, OBJECT_ONLY_NAME = "cockroach", "Charlie"
ALONE, ALONE_NAME, ALONE_VERB = "shark", "Paula", "crawl"
RESERVED_NAMES = (SUBJECT_ONLY_NAME, OBJECT_ONLY_NAME, ALONE_NAME)
ACTIVE_ONLY, PASSIVE_ONLY = "bless", "squeeze"
OMITTED_ONLY, UNACCUSATIVE_ONLY = "bake", "shatter"
DOUBLE_ONLY, DATIVE_ONLY = "teach", "ship"

NAMES = (
    "Emma", "Liam", "Olivia", "Noah", "Ava", "William", "Isabella", "James", "Sophia", "Oliver", "Mia", "Benjamin",
    "Amelia", "Elijah", "Harper", "Lucas", "Evelyn", "Mason", "Abigail", "Logan", "Emily", "Ella", "Henry", "Grace",
)  # fmt: skip
PEOPLE = (
    "girl", "boy", "cat", "dog", "baby", "child", "teacher", "frog", "chicken", "mouse", "lion", "monkey", "bear",
    "giraffe", "horse", "bird", "duck", "bunny", "butterfly", "penguin", "student", "professor", "monster", "hero",
    "sailor", "lawyer", "customer", "scientist", "princess", "guy", "buyer", "director", "judge", "king", "queen",
)  # fmt: skip
THINGS = (
    "cake", "donut", "cookie", "box", "rose", "drink", "raisin", "melon", "sandwich", "strawberry", "ball", "balloon",
    "bat", "gumball", "pretzel", "pen", "pencil", "hat", "ring", "block", "brush", "cup", "crayon", "book", "pillow",
    "key", "shirt", "newspaper", "jigsaw", "shoe", "basket", "banana", "muffin", "chalk", "glass", "present", "radio",
)  # fmt: skip
PLACES = (
    "table", "stage", "bed", "chair", "stool", "road", "tree", "box", "surface", "seat", "speaker", "computer", "rock",
    "boat", "cabinet", "tv", "plate", "desk", "bowl", "bench", "shelf", "cloth", "piano", "bible", "leaflet", "house",
    "tent", "car", "cage", "garden", "room", "vessel", "bag", "cot", "pot", "pit", "hole", "hall", "trunk", "barn",
)  # fmt: skip
PREPOSITIONS = ("on", "in", "beside")

TRANSITIVE = (
    "eat", "paint", "draw", "clean", "cook", "dust", "hunt", "nurse", "sketch", "wash", "mend", "call", "hear", "see",
    "investigate", "help", "find", "like", "love", "touch", "admire", "notice", "discover", "observe", "hold", "chase",
)  # fmt: skip
OMITTED = ("eat", "paint", "draw", "clean", "cook", "dust", "hunt", "sketch", "wash")
UNERGATIVE = ("walk", "run", "sleep", "smile", "laugh", "sneeze", "snore", "talk", "dance", "jog", "giggle", "scream")
UNACCUSATIVE = ("roll", "freeze", "burn", "float", "grow", "slide", "break", "crumple", "split", "change", "collapse")
DATIVE = ("give", "lend", "sell", "offer", "return", "pass", "hand", "rent", "send", "mail", "feed", "throw", "serve")
WANTING = ("want", "plan", "hope", "try", "prefer", "expect", "attempt", "intend", "long", "need", "wish", "crave")
SAYING = (
    ("say", "said"), ("think", "thought"), ("believe", "believed"), ("hope", "hoped"), ("know", "knew"),
    ("admit", "admitted"), ("claim", "claimed"), ("dream", "dreamed"), ("imagine", "imagined"), ("note", "noted"),
)  # fmt: skip
OF_CONSTRUCTION: dict[str, tuple[str, ...]] = {
    "transitive": TRANSITIVE,
    "omitted_object": OMITTED,
    "unergative": UNERGATIVE,
    "unaccusative": UNACCUSATIVE,
    "causative": UNACCUSATIVE,
    "pp_dative": DATIVE,
    "double_object": DATIVE,
    "passive": TRANSITIVE,
    "passive_by": TRANSITIVE,
    "infinitive": WANTING,
}
CONSTRUCTIONS = tuple(OF_CONSTRUCTION)
_IRREGULAR = {
    "eat": ("ate", "eaten"), "draw": ("drew", "drawn"), "hear": ("heard", "heard"), "see": ("saw", "seen"),
    "find": ("found", "found"), "hold": ("held", "held"), "run": ("ran", "run"), "sleep": ("slept", "slept"),
    "freeze": ("froze", "frozen"), "grow": ("grew", "grown"), "slide": ("slid", "slid"), "break": ("broke", "broken"),
    "split": ("split", "split"), "give": ("gave", "given"), "lend": ("lent", "lent"), "sell": ("sold", "sold"),
    "send": ("sent", "sent"), "feed": ("fed", "fed"), "throw": ("threw", "thrown"), "teach": ("taught", "taught"),
    "ship": ("shipped", "shipped"), "hop": ("hopped", "hopped"), "plan": ("planned", "planned"),
    "try": ("tried", "tried"), "prefer": ("preferred", "preferred"), "jog": ("jogged", "jogged"),
}  # fmt: skip


def _forms(stem: str) -> tuple[str, str, str]:
    if stem in _IRREGULAR:
        return (stem, *_IRREGULAR[stem])
    past = stem + ("d" if stem.endswith("e") else "ed")
    return (stem, past, past)


_RESERVED = (ALONE_VERB, ACTIVE_ONLY, PASSIVE_ONLY, OMITTED_ONLY, UNACCUSATIVE_ONLY, DOUBLE_ONLY, DATIVE_ONLY)
# Stem, past tense, participle.
VERBS: dict[str, tuple[str, str, str]] = {
    stem: _forms(stem) for group in (*OF_CONSTRUCTION.values(), _RESERVED) for stem in group
}
# Reserved word and the role or construction in which training shows it: 12 sentences.
EXPOSED: tuple[tuple[str, str], ...] = (
    (SUBJECT_ONLY, "subject"),
    (SUBJECT_ONLY_NAME, "subject"),
    (OBJECT_ONLY, "object"),
    (OBJECT_ONLY_NAME, "object"),
    (ACTIVE_ONLY, "transitive"),
    (PASSIVE_ONLY, "passive"),
    (PASSIVE_ONLY, "passive_by"),
    (OMITTED_ONLY, "omitted_object"),
    (UNACCUSATIVE_ONLY, "unaccusative"),
    (DOUBLE_ONLY, "double_object"),
    (DATIVE_ONLY, "pp_dative"),
    (ACTIVE_ONLY, "transitive"),
)


def primitives(count: int = 143) -> list[tuple[str, str]]:
    """Single words with their meanings: the reserved three first, then nouns, names and verbs in turn."""
    nouns = [(n, f"LAMBDA a . {n} ( a )") for n in (ALONE, *dict.fromkeys(PEOPLE + THINGS + PLACES))]
    names = [(n, n) for n in (ALONE_NAME, *NAMES)]
    verbs = [(v, f"LAMBDA a . LAMBDA e . {v} . agent ( e , a )") for v in (ALONE_VERB, *UNERGATIVE)]
    reserved, rest = [names[0], nouns[0], verbs[0]], [*names[1:], *verbs[1:], *nouns[1:]]
    return [*reserved, *rest][:count]
