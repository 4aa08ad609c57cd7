"""A small certificate authority for development and tests; see README.md beside this file.

It promises nothing to production: there, the same files come from SPIRE, step-ca or an agency's CA.
"""
