"""The project's version, apart from the package's other names so that every module may ask for it."""

__version__ = "0.1.0"
