"""Novels of real authors with the years in which they came out, and questions for those that meet a constraint."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from unseen.tasks.knowledge.books import Constraint

# Title and year of first publication.
_LISTED: Mapping[str, str] = {
    "Jane Austen": "Sense and Sensibility 1811; Pride and Prejudice 1813; Mansfield Park 1814; Emma 1815; Northanger Abbey "
    "1817; Persuasion 1817",
    "Charles Dickens": "The Pickwick Papers 1836; Oliver Twist 1837; Nicholas Nickleby 1838; The Old Curiosity Shop 1840; "
    "Barnaby Rudge 1841; Martin Chuzzlewit 1843; Dombey and Son 1846; David Copperfield 1849; Bleak House 1852; Hard Times "
    "1854; Little Dorrit 1855; A Tale of Two Cities 1859; Great Expectations 1860; Our Mutual Friend 1864; The Mystery of "
    "Edwin Drood 1870",
    "George Eliot": "Adam Bede 1859; The Mill on the Floss 1860; Silas Marner 1861; Romola 1862; Felix Holt 1866; "
    "Middlemarch 1871; Daniel Deronda 1876",
    "Thomas Hardy": "Desperate Remedies 1871; Under the Greenwood Tree 1872; A Pair of Blue Eyes 1873; Far from the Madding "
    "Crowd 1874; The Hand of Ethelberta 1876; The Return of the Native 1878; The Trumpet-Major 1880; A Laodicean 1881; Two "
    "on a Tower 1882; The Mayor of Casterbridge 1886; The Woodlanders 1887; Tess of the d'Urbervilles 1891; Jude the "
    "Obscure 1895; The Well-Beloved 1897",
    "George Orwell": "Burmese Days 1934; A Clergyman's Daughter 1935; Keep the Aspidistra Flying 1936; Coming Up for Air "
    "1939; Animal Farm 1945; Nineteen Eighty-Four 1949",
    "Ernest Hemingway": "The Torrents of Spring 1926; The Sun Also Rises 1926; A Farewell to Arms 1929; To Have and Have "
    "Not 1937; For Whom the Bell Tolls 1940; Across the River and into the Trees 1950; The Old Man and the Sea 1952; "
    "Islands in the Stream 1970; The Garden of Eden 1986; True at First Light 1999",
    "F. Scott Fitzgerald": "This Side of Paradise 1920; The Beautiful and Damned 1922; The Great Gatsby 1925; Tender Is the "
    "Night 1934; The Last Tycoon 1941",
    "John Steinbeck": "Cup of Gold 1929; To a God Unknown 1933; Tortilla Flat 1935; In Dubious Battle 1936; Of Mice and Men "
    "1937; The Grapes of Wrath 1939; The Moon Is Down 1942; Cannery Row 1945; The Wayward Bus 1947; The Pearl 1947; Burning "
    "Bright 1950; East of Eden 1952; Sweet Thursday 1954; The Short Reign of Pippin IV 1957; The Winter of Our Discontent "
    "1961",
    "Mark Twain": "The Gilded Age 1873; The Adventures of Tom Sawyer 1876; The Prince and the Pauper 1881; Adventures of "
    "Huckleberry Finn 1884; A Connecticut Yankee in King Arthur's Court 1889; The American Claimant 1892; Tom Sawyer Abroad "
    "1894; Pudd'nhead Wilson 1894; Personal Recollections of Joan of Arc 1896; Tom Sawyer, Detective 1896",
    "Cormac McCarthy": "The Orchard Keeper 1965; Outer Dark 1968; Child of God 1973; Suttree 1979; Blood Meridian 1985; All "
    "the Pretty Horses 1992; The Crossing 1994; Cities of the Plain 1998; No Country for Old Men 2005; The Road 2006; The "
    "Passenger 2022; Stella Maris 2022",
    "Virginia Woolf": "The Voyage Out 1915; Night and Day 1919; Jacob's Room 1922; Mrs Dalloway 1925; To the Lighthouse "
    "1927; Orlando 1928; The Waves 1931; The Years 1937; Between the Acts 1941",
    "E. M. Forster": "Where Angels Fear to Tread 1905; The Longest Journey 1907; A Room with a View 1908; Howards End 1910; "
    "A Passage to India 1924; Maurice 1971",
    "Kurt Vonnegut": "Player Piano 1952; The Sirens of Titan 1959; Mother Night 1962; Cat's Cradle 1963; God Bless You, Mr. "
    "Rosewater 1965; Slaughterhouse-Five 1969; Breakfast of Champions 1973; Slapstick 1976; Jailbird 1979; Deadeye Dick "
    "1982; Galápagos 1985; Bluebeard 1987; Hocus Pocus 1990; Timequake 1997",
    "Toni Morrison": "The Bluest Eye 1970; Sula 1973; Song of Solomon 1977; Tar Baby 1981; Beloved 1987; Jazz 1992; "
    "Paradise 1997; Love 2003; A Mercy 2008; Home 2012; God Help the Child 2015",
    "Fyodor Dostoevsky": "Poor Folk 1846; The Double 1846; Netochka Nezvanova 1849; Uncle's Dream 1859; The Village of "
    "Stepanchikovo 1859; Humiliated and Insulted 1861; The House of the Dead 1862; Notes from Underground 1864; Crime and "
    "Punishment 1866; The Gambler 1867; The Idiot 1869; The Eternal Husband 1870; Demons 1872; The Adolescent 1875; The "
    "Brothers Karamazov 1880",
    "Ian Fleming": "Casino Royale 1953; Live and Let Die 1954; Moonraker 1955; Diamonds Are Forever 1956; From Russia, with "
    "Love 1957; Dr. No 1958; Goldfinger 1959; Thunderball 1961; The Spy Who Loved Me 1962; On Her Majesty's Secret Service "
    "1963; You Only Live Twice 1964; The Man with the Golden Gun 1965",
    "Raymond Chandler": "The Big Sleep 1939; Farewell, My Lovely 1940; The High Window 1942; The Lady in the Lake 1943; The "
    "Little Sister 1949; The Long Goodbye 1953; Playback 1958",
    "William Golding": "Lord of the Flies 1954; The Inheritors 1955; Pincher Martin 1956; Free Fall 1959; The Spire 1964; "
    "The Pyramid 1967; Darkness Visible 1979; Rites of Passage 1980; The Paper Men 1984; Close Quarters 1987; Fire Down "
    "Below 1989; The Double Tongue 1995",
    "Salman Rushdie": "Grimus 1975; Midnight's Children 1981; Shame 1983; The Satanic Verses 1988; Haroun and the Sea of "
    "Stories 1990; The Moor's Last Sigh 1995; The Ground Beneath Her Feet 1999; Fury 2001; Shalimar the Clown 2005; The "
    "Enchantress of Florence 2008; Luka and the Fire of Life 2010; The Golden House 2017; Quichotte 2019; Victory City 2023",
    "Kazuo Ishiguro": "A Pale View of Hills 1982; An Artist of the Floating World 1986; The Remains of the Day 1989; The "
    "Unconsoled 1995; When We Were Orphans 2000; Never Let Me Go 2005; The Buried Giant 2015; Klara and the Sun 2021",
    "Margaret Atwood": "The Edible Woman 1969; Surfacing 1972; Lady Oracle 1976; Life Before Man 1979; Bodily Harm 1981; "
    "The Handmaid's Tale 1985; Cat's Eye 1988; The Robber Bride 1993; Alias Grace 1996; The Blind Assassin 2000; Oryx and "
    "Crake 2003; The Penelopiad 2005; The Year of the Flood 2009; MaddAddam 2013; The Heart Goes Last 2015; Hag-Seed 2016; "
    "The Testaments 2019",
    "Dan Brown": "Digital Fortress 1998; Angels and Demons 2000; Deception Point 2001; The Da Vinci Code 2003; The Lost "
    "Symbol 2009; Inferno 2013; Origin 2017",
    "Haruki Murakami": "Hear the Wind Sing 1979; Pinball, 1973 1980; A Wild Sheep Chase 1982; Hard-Boiled Wonderland and "
    "the End of the World 1985; Norwegian Wood 1987; Dance Dance Dance 1988; South of the Border, West of the Sun 1992; The "
    "Wind-Up Bird Chronicle 1994; Sputnik Sweetheart 1999; Kafka on the Shore 2002; After Dark 2004; 1Q84 2009; Killing "
    "Commendatore 2017",
    "J. K. Rowling": "Harry Potter and the Philosopher's Stone 1997; Harry Potter and the Chamber of Secrets 1998; Harry "
    "Potter and the Prisoner of Azkaban 1999; Harry Potter and the Goblet of Fire 2000; Harry Potter and the Order of the "
    "Phoenix 2003; Harry Potter and the Half-Blood Prince 2005; Harry Potter and the Deathly Hallows 2007; The Casual "
    "Vacancy 2012",
}  # fmt: skip
KINDS = ("starts", "ends", "words", "years")
WORDINGS = (
    "List all novels by {} {}.", "Which novels by {} are those {}?", "Give me every novel by {} {}.",
    "I need the titles of all novels by {} {}.",
)  # fmt: skip
FREE = (
    "List all novels by {}.", "Which novels did {} write?", "Give me every novel by {}.",
    "I need the titles of all novels by {}.",
)  # fmt: skip
# Share of an author's novels that meet a constraint: one that most meet, or hardly any, asks for little.
FEWEST, MOST = 0.2, 0.67


@cache
def shelves() -> Mapping[str, tuple[tuple[str, int], ...]]:
    """Title and year of an author's novels."""
    return {author: tuple((book[:-5], int(book[-4:])) for book in text.split("; ")) for author, text in _LISTED.items()}


@dataclass(frozen=True, slots=True)
class Query:
    """Novels of an author that are asked for.

    Attributes:
        author: Who wrote them.
        constraint: What they have to meet; None for all.
        text: The question.
    """

    author: str
    constraint: Constraint | None
    text: str

    @property
    def books(self) -> tuple[tuple[str, int], ...]:
        """All novels of the author, with years."""
        return shelves()[self.author]

    @property
    def right(self) -> list[str]:
        """Titles that are wanted."""
        return [t for t, y in self.books if self.constraint is None or self.constraint.met(t, y)]

    def told(self, *, marked: bool = False) -> str:
        """The author's novels with their years, one a line; with ``marked`` those that are wanted below the others."""
        if not marked or self.constraint is None:
            return "\n".join(f"{t}, {y}" for t, y in self.books)
        wanted = self.right
        others = (t for t, _ in self.books if t not in wanted)
        return "\n".join([*others, f"Novels by {self.author} {self.constraint.said}:", *wanted])


def drawn(rng: np.random.Generator, author: str, *, constrained: bool = True) -> Query:
    """A question for novels of an author, around one of them."""
    books = shelves()[author]
    form = int(rng.integers(len(WORDINGS)))
    if not constrained:
        return Query(author, None, FREE[form].format(author))
    while True:
        title, year = books[int(rng.integers(len(books)))]
        kind = KINDS[int(rng.integers(len(KINDS)))]
        before, after = (int(n) for n in rng.integers(0, 12, 2))
        constraint = {
            "starts": Constraint(kind, title[0]), "ends": Constraint(kind, title[-1].upper()),
            "words": Constraint(kind, len(title.split())), "years": Constraint(kind, year - before, year + after),
        }[kind]  # fmt: skip
        if FEWEST <= np.mean([constraint.met(t, y) for t, y in books]) <= MOST:
            return Query(author, constraint, WORDINGS[form].format(author, constraint.said))


def plain(title: str) -> str:
    """A title without case, signs, article at its head, or a year in brackets.

    >>> plain("The Wind-Up Bird Chronicle (1994)"), plain("“Emma”")
    ('wind up bird chronicle', 'emma')
    """
    words = re.findall(r"\w+", re.sub(r"\(.*?\)", "", title.replace("'", "").replace("’", "")).casefold())
    return " ".join(words[1:] if len(words) > 1 and words[0] in ("the", "a", "an") else words)


# Other names of the same novels.
ALSO = {
    "1984": "nineteen eighty four", "angels demons": "angels and demons", "devils": "demons", "possessed": "demons",
    "raw youth": "adolescent", "felix holt the radical": "felix holt",
    "harry potter and the sorcerers stone": "harry potter and the philosophers stone",
    "underground man": "notes from underground", "love of the last tycoon": "last tycoon", "insulted and humiliated":
    "humiliated and insulted", "posthumous papers of the pickwick club": "pickwick papers",
    "huckleberry finn": "adventures of huckleberry finn", "tom sawyer": "adventures of tom sawyer",
    "adventures of oliver twist": "oliver twist", "personal history of david copperfield": "david copperfield",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counted:
    """Titles of an answer by what they are, each once.

    Attributes:
        irrelevant: None of the author's.
        satisfied: The author's, and wanted.
        unsatisfied: The author's, and not wanted.
        wanted: Titles that are wanted.
    """

    irrelevant: int
    satisfied: int
    unsatisfied: int
    wanted: int

    @property
    def named(self) -> int:
        """Titles given."""
        return self.irrelevant + self.satisfied + self.unsatisfied

    @property
    def all_correct(self) -> bool:
        """Whether just the wanted titles are given."""
        return self.satisfied == self.wanted and self.named == self.wanted


def counted(query: Query, lines: Sequence[str]) -> Counted:
    """What an answer holds, one title a line.

    Source: Abdin et al. (2024), KITAB, section 4.2.
    """
    own, right = {plain(t) for t, _ in query.books}, {plain(t) for t in query.right}
    given = {ALSO.get(p, p) for line in lines if (p := plain(re.sub(r"^\s*(?:\d+[.)]|[-*•])\s*", "", line)))}
    return Counted(len(given - own), len(given & right), len((given & own) - right), len(right))
