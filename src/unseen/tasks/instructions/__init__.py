"""Instructions whose fulfilment is checked by rule."""
