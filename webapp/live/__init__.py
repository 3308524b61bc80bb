"""Redis: what is true only now (progress, log tail, cancel flags) and the word that it changed.

Every key has a lifetime, and every reader a default: nothing needed tomorrow is only here.
"""
