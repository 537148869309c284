"""A made-up world of genes, aliases, SNPs and diseases, and questions of several hops through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.answers import text_of
from unseen.tasks.base import Example, Generated, of_text
from unseen.tasks.draws import Draws
from unseen.tasks.knowledge.worlds import Row, World

KIND = "genes"
WORDINGS = ("name", "give", "tell", "state")
_ASK = ("Name {}.", "Give {}.", "Tell me {}.", "State {}.")
_END = "Answer with the names alone, with commas between them."
GIVEN = ("facts", "nothing")
FUNCTIONS = (
    "iron transport", "cell adhesion", "lipid storage", "signal transduction", "chromatin folding", "muscle contraction",
    "vesicle transport", "collagen assembly", "zinc binding", "hormone secretion", "axon guidance", "light detection",
)  # fmt: skip
_CONSONANTS, _VOWELS = "bdfgjklmnprstvz", "aeiou"
_KINDS_OF_DISEASE = ("syndrome", "anaemia", "dystrophy", "neuropathy", "fever", "sclerosis")
# A hop: from what, to what, the query, how it is said, and how its fact is told.
HOPS: Mapping[str, tuple[str, str, str, str, str]] = {
    "symbol": ("alias", "gene", "SELECT gene FROM alias WHERE name = ?",
               "the official symbol of {}", "{} is an alias of {}."),
    "locus": ("snp", "gene", "SELECT gene FROM snp WHERE id = ?", "the gene at SNP {}", "SNP {} lies in {}."),
    "genes": ("disease", "gene", "SELECT gene FROM association WHERE disease = ?",
              "all genes associated with {}", "{} is associated with {}."),
    "diseases": ("gene", "disease", "SELECT disease FROM association WHERE gene = ?",
                 "all diseases associated with {}", "{1} is associated with {0}."),
    "chromosome": ("gene", "chromosome", "SELECT chromosome FROM gene WHERE symbol = ?",
                   "each chromosome of {}", "{} lies on {}."),
    "function": ("gene", "function", "SELECT function FROM gene WHERE symbol = ?",
                 "each function of {}", "{} serves {}."),
}  # fmt: skip
STARTS = ("alias", "snp", "disease", "gene")
Fact = tuple[str, str, str]


class GeneQuestions(Generated):
    """What follows from several records of a made-up world: a walk of one to four hops, and all that it leads to.

    Names are made up, so that no model knows them. ``given="facts"`` puts the records that are needed, with ``distractors``
    others, before the question; with ``given="nothing"`` they have to be looked up: ``api`` is the address at which
    ``knowledge.worlds.opened`` opens the world, and its calls answer. One seed asks the same in both.
    ``popularity`` is the number of records of the rarest gene or disease on the way; ``answers`` counts right names.
    """

    name = "gene-questions"
    title = "Questions of several hops through a made-up world of genes"
    source = (
        "After Jin et al. (2024), GeneGPT, sections 2.1 and 3.4 (GeneHop: alias or SNP, gene, disease, chromosome); the world, "
        "its interface and the wordings are our own"
    )
    separator = "\n"
    settings: ClassVar[Mapping[str, Any]] = {"world": 0, "genes": 60}
    options: ClassVar[Mapping[str, Any]] = {
        "hops": (1, 4),
        "start": STARTS,
        "asks": tuple(HOPS),
        "answers": (1, 4),
        "popularity": (1, 60),
        "distractors": (4, 12),
        "given": ("facts",),
        "wording": WORDINGS,
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"given": GIVEN}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "world": (0, 2**53),
        "genes": (20, 5000),
        "hops": (1, 6),
        "answers": (1, 12),
        "popularity": (1, 60),
        "distractors": (0, 60),
    }
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "hops": "ordered",
        "start": "categorical",
        "asks": "categorical",
        "answers": "ordered",
        "popularity": "ordered",
        "distractors": "ordered",
        "given": "categorical",
        "wording": "categorical",
        "api": "categorical",
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.world = genes(self.given["world"], self.given["genes"])

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Walks until one meets the options; then the facts beside it and the wording."""
        web, mentions = _web(self.world), _mentions(self.world)
        for _ in range(5000):
            start = d.choice(o["start"])
            path = _path(d, start, d.between(*o["hops"]), o["asks"])
            if path is None:
                continue
            entity = d.choice(_entities(self.world)[start])
            ends, facts = _walked(web, entity, path)
            met = [mentions[f] for fact in facts for f in fact[1:] if f in mentions]
            low, high = o["answers"]
            if not low <= len(ends) <= high or not o["popularity"][0] <= min(met) <= o["popularity"][1]:
                continue
            break
        else:
            raise self.impossible(f"no walk with {dict(o)} in 5,000 draws")
        count, places = d.between(*o["distractors"]), d.bits(64)
        given, wording = (options[d.below(1 << 20) % len(options)] for options in (o["given"], o["wording"]))
        phrase = entity
        for hop in path:
            phrase = HOPS[hop][3].format(phrase)
        question = _ASK[WORDINGS.index(wording)].format(phrase)
        told = self._told(Draws(f"{self.name}:{places}"), facts, path, count) if given == "facts" else []
        factors = {
            "hops": len(path),
            "start": start,
            "asks": path[-1],
            "answers": len(ends),
            "popularity": min(met),
            "distractors": count,
            "given": given,
            "wording": wording,
            "api": self.world.address,
        }
        text = "\n".join([*([" ".join(told)] if told else []), f"{question} {_END}"])
        return of_text(text, ", ".join(ends), factors, {"entity": entity, "path": path})

    def _told(self, d: Draws, needed: Sequence[Fact], path: Sequence[str], count: int) -> list[str]:
        """Facts that are needed among others of the world, in random order, each said once."""
        said = dict.fromkeys(HOPS[hop][4].format(a, b) for hop, a, b in needed)
        web = _facts(self.world)
        extra: dict[str, None] = {}
        for _ in range(50 * count):
            if len(extra) == count:
                break
            # Facts of the kinds that the question is about make the better distractors.
            hop, a, b = d.choice(web[d.choice(path) if d.below(3) else d.choice(list(web))])
            sentence = HOPS[hop][4].format(a, b)
            if sentence not in said:
                extra[sentence] = None
        lines = [*said, *extra]
        d.shuffle(lines)
        return lines

    def verify(self, example: Example, answer: object) -> float:
        """1 for all right names and no other, in any order, with commas, line ends or "and" between them."""
        return float(names_in(answer) == sorted(names_in(example.target) or []))

    def oracle(self, example: Example) -> str:
        """Follow the hops by queries in SQL, each from all that the one before gives."""
        found = [str(example.hidden["entity"])]
        for hop in example.hidden["path"]:
            found = sorted({str(row[0]) for one in found for row in self.world.rows(HOPS[hop][2], (one,))})
        return ", ".join(found)


def names_in(answer: object) -> list[str] | None:
    r"""Names that an answer lists, sorted and in small letters; None where one stands twice or there is none.

    >>> names_in("B2, A1 and C3.\nD4"), names_in("A1, a1"), names_in(["A1", "B2"])
    (['a1', 'b2', 'c3', 'd4'], None, ['a1', 'b2'])
    """
    text = text_of(answer).lower().strip().removesuffix(".").replace(" and ", ",").replace("\n", ",")
    names = [" ".join(name.split()).removesuffix(".") for name in text.split(",")]
    names = [name for name in names if name]
    return sorted(names) if names and len(set(names)) == len(names) else None


def _path(d: Draws, start: str, hops: int, asks: Sequence[str]) -> list[str] | None:
    """Hops that follow on each other and end with one of those asked for."""
    path: list[str] = []
    at = start
    for i in range(hops):
        last = i == hops - 1
        ways = [h for h, (a, b, *_) in HOPS.items() if a == at and (h in asks if last else b in ("gene", "disease"))]
        if not ways:
            return None
        path.append(d.choice(ways))
        at = HOPS[path[-1]][1]
    return path


def _walked(
    web: Mapping[tuple[str, str], Sequence[str]], entity: str, path: Sequence[str]
) -> tuple[list[str], list[Fact]]:
    """All that a walk leads to, and the facts that it takes."""
    found, facts = [entity], list[Fact]()
    for hop in path:
        facts += [(hop, one, end) for one in found for end in web.get((hop, one), ())]
        found = sorted({end for one in found for end in web.get((hop, one), ())})
    return found, facts


@lru_cache(maxsize=8)
def _facts(world: World) -> Mapping[str, list[Fact]]:
    tables = world.tables
    pairs = {"symbol": ("alias", "name", "gene"), "locus": ("snp", "id", "gene"), "genes": ("association", "disease", "gene"),
             "diseases": ("association", "gene", "disease"), "chromosome": ("gene", "symbol", "chromosome"),
             "function": ("gene", "symbol", "function")}  # fmt: skip
    return {hop: [(hop, str(r[a]), str(r[b])) for r in tables[table]] for hop, (table, a, b) in pairs.items()}


@lru_cache(maxsize=8)
def _web(world: World) -> Mapping[tuple[str, str], list[str]]:
    web: dict[tuple[str, str], list[str]] = {}
    for facts in _facts(world).values():
        for hop, a, b in facts:
            web.setdefault((hop, a), []).append(b)
    return web


@lru_cache(maxsize=8)
def _entities(world: World) -> Mapping[str, list[str]]:
    tables = world.tables
    named = {
        "alias": ("alias", "name"),
        "snp": ("snp", "id"),
        "disease": ("association", "disease"),
        "gene": ("gene", "symbol"),
    }
    return {start: list(dict.fromkeys(str(r[column]) for r in tables[t])) for start, (t, column) in named.items()}


@lru_cache(maxsize=8)
def _mentions(world: World) -> Mapping[str, int]:
    """Records that name each gene and disease."""
    count: dict[str, int] = {}
    for name, rows in world.tables.items():
        for row in rows:
            for column in ("symbol", "gene", "disease"):
                if column in row and (name, column) != ("gene", "gene"):
                    count[str(row[column])] = count.get(str(row[column]), 0) + 1
    return count


@lru_cache(maxsize=8)
def genes(seed: int, size: int) -> World:
    """A world of so many genes; few of them have many records, most have few (the rank's inverse, as in Zipf's law).

    Args:
        seed: Of its draws.
        size: Number of genes.
    """
    d = Draws(f"genes:{seed}:{size}")
    symbols = _distinct(d, size, lambda: _symbol(d))
    diseases = _distinct(d, max(8, size // 2), lambda: f"{_syllables(d, 3).capitalize()} {d.choice(_KINDS_OF_DISEASE)}")
    gene: list[Row] = [
        {
            "symbol": s,
            "chromosome": f"chromosome {d.choice([*map(str, range(1, 23)), 'X'])}",
            "function": d.choice(FUNCTIONS),
        }
        for s in symbols
    ]
    alias: list[Row] = []
    snp: list[Row] = []
    taken = set(symbols)
    for rank, symbol in enumerate(symbols, 1):
        for _ in range(1 + (d.below(3) == 0)):
            other = next(name for name in iter(lambda: _symbol(d), "") if name not in taken)
            taken.add(other)
            alias.append({"name": other, "gene": symbol})
        snp += [{"id": "", "gene": symbol} for _ in range(1 + min(20, size // (2 * rank)))]
    numbers = d.pick(range(100_000, 100_000 + 100 * len(snp)), len(snp))
    snp = [{"id": f"rs{n}", "gene": row["gene"]} for n, row in zip(numbers, snp, strict=True)]
    pairs = dict.fromkeys(
        (disease, symbols[min(d.below(size), d.below(size))]) for disease in diseases for _ in range(d.between(1, 3))
    )
    association: list[Row] = [{"disease": disease, "gene": symbol} for disease, symbol in pairs]
    about = "A database of genes."
    return World(f"{KIND}/{seed}/{size}", about, {"gene": gene, "alias": alias, "snp": snp, "association": association})


def _distinct(d: Draws, count: int, make: Any) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[make()] = None
    return list(found)


def _symbol(d: Draws) -> str:
    return "".join(d.choice(_CONSONANTS) for _ in range(3)).upper() + str(d.between(2, 99))


def _syllables(d: Draws, count: int) -> str:
    return "".join(d.choice(_CONSONANTS) + d.choice(_VOWELS) for _ in range(count))
