"""What every test of the suite shares: how hypothesis searches."""

from hypothesis import settings

# A slow machine is no bug, and a failure that nobody can repeat is no finding: no deadline, a fixed search.
settings.register_profile("weft", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("search", parent=settings.get_profile("weft"), derandomize=False, max_examples=1000)
settings.load_profile("weft")
