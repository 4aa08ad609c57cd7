"""The stages that a submission goes through, in order, and no other way in.

`envelope -> identity -> dedup -> signatures -> statement -> judgement -> recording`. Each stage
takes only what the one before made, so that skipping one is a type error. Verify, then parse.
"""
