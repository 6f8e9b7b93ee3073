"""One controller for each noun of `hearings`.

The controllers that act in a hearing are mounted twice: below `/hearings/{hearing}` for staff who are signed
in, and below `/places/{place}` for whoever holds a personal link. Who acts comes from the cookie alone.
"""
