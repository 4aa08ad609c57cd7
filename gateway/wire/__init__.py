"""Between protobuf messages and the core's types, both ways.

* Generated classes are named in `wire` modules and in servicers, and nowhere else.
* What goes out is serialized deterministically; what comes in is accepted in that one form only.

Nothing here decides, stores or sends anything.
"""
