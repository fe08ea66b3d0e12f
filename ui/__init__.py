"""The pages' parts: a package a page, and here what several share: frame, active dataset and model, words, charts, galleries.

Only `fer` lies below it.
"""
