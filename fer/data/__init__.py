"""Datasets: read from any source or drawn, joined with FER+ votes, split without leaks."""

from fer.data.dataset import Dataset
from fer.data.ferplus import join_ferplus
from fer.data.read import read_dataset
from fer.data.splits import remove_leaks, split_dataset
from fer.data.synthetic import synthetic_dataset

__all__ = ["Dataset", "join_ferplus", "read_dataset", "remove_leaks", "split_dataset", "synthetic_dataset"]
