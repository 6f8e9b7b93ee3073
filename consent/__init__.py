"""Words: what the law demands of a hearing by video link, with the article beside each demand.

Pure values, read once from the data beside the modules: which instrument governs (`governing`, `parties`), what it
says (`instruments`), and what is to be settled (`checklist`, `items`). This folder knows no hearing, no clock and no database.
"""
