"""Models that learn how forms change from stored forms: by likeness to them, or by rules that they share."""
