"""What holds for every test: how long Hypothesis looks, and that it never fails by the clock."""

from hypothesis import settings

# Two busy cores make a deadline a coin toss; the number of examples bounds the time instead.
settings.register_profile("forewarn", deadline=None, max_examples=100)
settings.load_profile("forewarn")
