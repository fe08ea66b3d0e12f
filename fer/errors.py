"""Every failure that a user can cause or mend, as one small family of exceptions.

    FerError
    ├── DataError          a dataset cannot be read or is unusable as asked
    │   ├── ImageError     one picture cannot be decoded, or is too large to be
    │   └── ClipError      one clip cannot be decoded, or is too large to be
    ├── LabelError         an unknown label, an ambiguous or empty label set
    ├── SettingsError      an unknown recipe, setting or option, or a value out of range
    ├── BundleError        a trained model is missing, damaged or does not match its card
    ├── DetectionError     a face detector cannot be loaded or fetched
    ├── FetchError         a file cannot be downloaded, or is another than expected
    └── RunError           a run, or other work in a process of its own, cannot be started, resumed or written

The page, the command line and the HTTP API each turn a `FerError` into words once. Anything else that is raised is a
defect of ours. A message says what was expected, what came, and what to do.
"""


class FerError(Exception):
    """Base of all expected failures; its text is meant for the user."""


class DataError(FerError):
    """A dataset cannot be read or is unusable as asked."""


class ImageError(DataError):
    """One picture cannot be decoded, or is too large to be."""


class ClipError(DataError):
    """One clip cannot be decoded, or is too large to be."""


class LabelError(FerError):
    """An unknown label, an ambiguous or empty label set."""


class SettingsError(FerError):
    """An unknown recipe, setting or option, or a value out of range."""


class BundleError(FerError):
    """A trained model is missing, damaged or does not match its card."""


class DetectionError(FerError):
    """A face detector cannot be loaded or fetched."""


class FetchError(FerError):
    """A file cannot be downloaded, or is another than expected."""


class RunError(FerError):
    """A training run, or other work in a process of its own, cannot be started, resumed or written."""
