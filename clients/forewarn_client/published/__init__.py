"""The log as everybody can read it, over HTTPS: hashed again, compared, and watched.

`tiles` knows names and forms, `source` fetches, `rehash` hashes, `prove` makes proofs out of
tiles, `seen` remembers, `progress` resumes, `own` knows the member's statements, `verify` puts them
together.
"""
