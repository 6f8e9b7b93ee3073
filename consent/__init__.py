"""Words: what an instrument demands of a hearing by video link, with the article beside each demand.

Pure values, read once from `instruments.toml`. This folder knows no hearing, no clock and no database.
"""
