"""Training: a recipe and a dataset become a run, a folder that outlives the process and the page that started it.

`run` is the folder and its control (no Keras, so a page may import it); `worker` is what happens inside the training process.
"""

from fer.training.run import Run, RunNotes
from fer.training.runs import create_run, list_runs, open_run, start_run, vary_run

__all__ = ["Run", "RunNotes", "create_run", "list_runs", "open_run", "start_run", "vary_run"]
