"""Grammars: commands to actions, sentences to logical forms, programs over strings, numbers and queries."""
