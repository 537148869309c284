"""How far examples lie from where the answer would change."""
