"""What holds for all tests: a busy machine is no failure, and nothing is read from or left in the user's cache."""

import pytest
from hypothesis import settings

# No example has a deadline.
settings.register_profile("unseen", deadline=None)
settings.load_profile("unseen")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Refits that an earlier run of the tests kept would answer for the code of today."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNSEEN_CACHE", str(tmp_path_factory.mktemp("unseen-cache")))
        yield
