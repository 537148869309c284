"""COGS: sentences to logical forms, with the 21 generalisation cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws
from unseen.tasks.grammar.cogs_grammar import EXPOSURES, PLANS, TRAIN_RECURSION, Clause, build
from unseen.tasks.grammar.cogs_lexicon import primitives

# The cases of Kim & Linzen (2020), table 1, in its order: name → kind of generalisation.
CASES: dict[str, str] = {
    "subject_to_object_common": "novel role",
    "subject_to_object_proper": "novel role",
    "object_to_subject_common": "novel role",
    "object_to_subject_proper": "novel role",
    "primitive_to_subject_common": "novel role",
    "primitive_to_subject_proper": "novel role",
    "primitive_to_object_common": "novel role",
    "primitive_to_object_proper": "novel role",
    "primitive_to_infinitive": "novel role",
    "object_pp_to_subject_pp": "modified phrase",
    "cp_recursion": "deeper recursion",
    "pp_recursion": "deeper recursion",
    "active_to_passive": "verb alternation",
    "passive_to_active": "verb alternation",
    "omitted_object_to_transitive": "verb alternation",
    "unaccusative_to_transitive": "verb alternation",
    "double_object_to_pp_dative": "verb alternation",
    "pp_dative_to_double_object": "verb alternation",
    "agent_to_unaccusative_subject": "verb class",
    "theme_to_omitted_object_subject": "verb class",
    "theme_to_unergative_subject": "verb class",
}


# The same cases as the third column of the released ``gen.tsv`` names them.
RELEASED: dict[str, str] = {
    "subject_to_object_common": "subj_to_obj_common",
    "subject_to_object_proper": "subj_to_obj_proper",
    "object_to_subject_common": "obj_to_subj_common",
    "object_to_subject_proper": "obj_to_subj_proper",
    "primitive_to_subject_common": "prim_to_subj_common",
    "primitive_to_subject_proper": "prim_to_subj_proper",
    "primitive_to_object_common": "prim_to_obj_common",
    "primitive_to_object_proper": "prim_to_obj_proper",
    "primitive_to_infinitive": "prim_to_inf_arg",
    "object_pp_to_subject_pp": "obj_pp_to_subj_pp",
    "cp_recursion": "cp_recursion",
    "pp_recursion": "pp_recursion",
    "active_to_passive": "active_to_passive",
    "passive_to_active": "passive_to_active",
    "omitted_object_to_transitive": "obj_omitted_transitive_to_transitive",
    "unaccusative_to_transitive": "unacc_to_transitive",
    "double_object_to_pp_dative": "do_dative_to_pp_dative",
    "pp_dative_to_double_object": "pp_dative_to_do_dative",
    "agent_to_unaccusative_subject": "only_seen_as_transitive_subj_as_unacc_subj",
    "theme_to_omitted_object_subject": "only_seen_as_unacc_subj_as_obj_omitted_transitive_subj",
    "theme_to_unergative_subject": "only_seen_as_unacc_subj_as_unerg_subj",
}


class Cogs(Generated):
    """English sentences of a small grammar to logical forms: "Ava smiled ." to "smile . agent ( x _ 1 , Ava )".

    ``case=train`` draws from the training distribution: words that a case reserves do not occur, recursion stops at
    ``train_recursion``, prepositional phrases modify objects only. Each other case draws sentences that need the
    generalisation it is named after. ``exposures`` lists the training items that show reserved words in their one known
    role; ``in_distribution`` (train, dev, test) and ``generalisation`` (1,000 a case) draw all that was published, at the
    published sizes.

    Grammar, probabilities and vocabulary are the published ones; the sentences are drawn anew and equal those of the
    released files in distribution, not one by one. One seed yields one draw of the grammar. Samples (as the released
    files) hold each sentence once, so that short sentences are rarer in them than among the draws of many seeds.
    """

    name = "cogs"
    title = "COGS: sentences to logical forms"
    source = "Kim & Linzen (2020), COGS, sections 3 and 4 and the authors' grammar; sentences are drawn anew"
    version = 2
    options: ClassVar[Mapping[str, Any]] = {"case": ("train",), "recursion": (3, 12)}
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"case": ("train", *CASES)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"recursion": (1, 12)}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "case": "categorical",
        "kind": "categorical",
        "construction": "categorical",
        "length": "ordered",
        "output_length": "ordered",
        "cp_depth": "ordered",
        "pp_depth": "ordered",
    }
    train_recursion = TRAIN_RECURSION

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A sentence for one of the asked cases."""
        case = d.choice(o["case"])
        return self._example(build(PLANS[case], d, o["recursion"]), case)

    def _example(self, clause: Clause, case: str) -> Example:
        form = clause.form()
        factors = {
            "case": case,
            "kind": CASES.get(case, "training"),
            "construction": clause.construction,
            "length": len(clause.words),
            "output_length": len(form),
            "cp_depth": clause.complements,
            "pp_depth": clause.longest,
        }
        return of_tokens(clause.words, form, factors)

    def exposures(self) -> list[Example]:
        """The 155 training items that stand outside the sampled 24,000.

        143 single words with their meaning (the three reserved primitives among them) and 12 sentences that show each
        other reserved word once, in the role that is known.
        """
        out = list[Example]()
        for word, meaning in primitives(self.draws("primitives")):
            factors = self._example(Clause([word], construction="word"), "train").factors
            target = meaning.split()
            out.append(of_tokens([word], target, {**factors, "output_length": len(target)}))
        for number, plan in enumerate(EXPOSURES):
            out.append(self._example(build(plan, self.draws(f"exposure {number}"), (1, 1)), "train"))
        return out

    def training_set(self, n: int = 24_000, seed: int = 0) -> list[Example]:
        """N sentences of the training distribution and the exposures: 24,155 at full size."""
        return self.in_distribution(seed, n=n)["train"]

    def in_distribution(self, seed: int = 0, *, n: int = 24_000) -> dict[str, list[Example]]:
        """Train, dev and test as published, drawn anew.

        Args:
            seed: Equal seeds give equal sentences.
            n: Sentences to train on, beside the exposures; an eighth of that each for dev and test, so that n * 5 / 4
                different ones are drawn and divided at random.

        >>> {part: len(items) for part, items in Cogs().in_distribution(n=80).items()}
        {'train': 235, 'dev': 10, 'test': 10}
        """
        rng = np.random.default_rng((seed, 0))
        small = n // 8
        drawn = self.draw_many(n + 2 * small, rng)
        order = rng.permutation(len(drawn)).tolist()
        train, dev, test = (
            [drawn[i] for i in order[a:b]] for a, b in ((0, n), (n, n + small), (n + small, n + 2 * small))
        )
        return {"train": [*train, *self.exposures()], "dev": dev, "test": test}

    def generalisation(self, seed: int = 0, *, each: int = 1_000) -> list[Example]:
        """The 21 cases as published, drawn anew, ``each`` sentences of every one.

        In the two cases of recursion each depth from 3 to 12 has a tenth of them (where ``each`` can be divided by 10).
        """
        rng = np.random.default_rng((seed, 1))
        return [example for case in CASES for example in self._case(case, each, rng)]

    def _case(self, case: str, n: int, rng: np.random.Generator) -> list[Example]:
        if not PLANS[case].deeper or n % 10:
            return self.draw_many(n, rng, case=case)
        return [e for depth in range(3, 13) for e in self.draw_many(n // 10, rng, case=case, recursion=depth)]
