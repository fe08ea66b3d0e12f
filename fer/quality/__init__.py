"""What is wrong with a dataset, found and mended: duplicates and leaks, unusable pictures, doubtful labels, imbalance.

Between reading (`fer/data`) and training. The folder reads in this order: `findings.py` (the values) → `duplicates.py`,
`images.py`, `labels.py` (one kind of search each) → `audit.py` (all of them) → `decisions.py`, `cleaning.py`
(what is done about them), `resplit.py`, `balance.py` → `export.py`.
"""
