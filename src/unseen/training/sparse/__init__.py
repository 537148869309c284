"""Masks over weights."""
