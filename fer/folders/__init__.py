"""Folders and archives of pictures, by the thousand: read one after the other, answered in a table that a stop does not lose.

pictures.py   which files of a folder, an archive or a list are pictures
table.py      answers as rows, and rows as CSV or Parquet
parts.py      what is answered so far, on disk, until the table is whole
predict.py    `predict_folder`: from the pictures to the table
job.py        the same in a process of its own, for the page
"""

from fer.folders.predict import predict_folder
from fer.folders.table import FolderSummary

__all__ = ["FolderSummary", "predict_folder"]
