"""Instructions whose answers are checked by rule."""
