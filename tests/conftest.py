"""What holds for all tests: a busy machine is no failure, so that no example has a deadline."""

from hypothesis import settings

settings.register_profile("unseen", deadline=None)
settings.load_profile("unseen")
