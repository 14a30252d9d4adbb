"""Hostile files by the thousand: `python -m tests.fuzz --seed 1 --inputs 20000`.

Small valid files of every format that the package reads are made, then broken in ways that know the format:
tags, headers, tables, offsets, pages, keys. Each has to end as a result or as one of our errors, within 10
seconds of processor time and 2 GB of memory.
"""
