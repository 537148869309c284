"""Bounds on the unseen error of trained networks: what is guaranteed, with which confidence, and what it rests on."""
