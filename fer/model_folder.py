"""What is done to bundles as folders: choose the default, rename, delete, pack into a ZIP, take one in.

Beside `bundles.py`, which reads one, and `bundling.py`, which makes one. Needs neither Keras nor TensorFlow.
"""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from fer.bundles import (
    FILES,
    SUMS,
    Bundle,
    default_model,
    default_model_file,
    list_bundles,
    load_bundle,
    parse_sums,
    require_model_name,
)
from fer.errors import BundleError, SettingsError
from fer.files import replacing, replacing_folder
from fer.workspace import models_dir

# The largest network that is offered (VGG16 with its top) takes 0.6 GB in float32, twice: for Keras and for LiteRT.
MAX_BUNDLE_BYTES = 2 * 2**30
_CHUNK = 2**20


def set_default_model(name: str) -> None:
    """Let a model answer where none is named: in the app, on the command line and in the library, of this workspace.

    Raises:
        BundleError: there is no such model, or the workspace cannot be written.
    """
    _require_known(name)
    path = default_model_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            beside.write_text(f"{name}\n", encoding="utf-8")
    except OSError as error:
        raise BundleError(f"Cannot write {path}: {error.strerror or error}.") from error


def rename_bundle(name: str, new: str) -> Bundle:
    """Give a model another name: its folder's, and the one that its card says.

    Raises:
        SettingsError: the new name cannot be a folder's.
        BundleError: there is no such model, one of the new name exists, or the folder cannot be written.
    """
    from fer.bundling import write_card

    bundle = load_bundle(_require_known(name))
    target = models_dir() / require_model_name(new)
    if target.exists():
        raise BundleError(f"A model {new!r} exists already. Choose another name, or delete that one first.")
    was_default = default_model() == name
    try:
        with replacing_folder(target, overwrite=False) as building:
            shutil.copytree(bundle.path, building, dirs_exist_ok=True)
            write_card(building, {**bundle.card, "name": new})
    except OSError as error:
        raise BundleError(f"Cannot write the model to {target}: {error.strerror or error}.") from error
    delete_bundle(name)
    if was_default:
        set_default_model(new)
    return load_bundle(target)


def delete_bundle(name: str) -> None:
    """Remove a model for good; runs that it was made of, and reports about it, stay.

    Raises:
        BundleError: there is no such model, or it cannot be removed.
    """
    path = models_dir() / _require_known(name)
    # Renamed first: a folder that is half gone is no model any more.
    doomed = path.with_name(f".deleted-{name}")
    try:
        shutil.rmtree(doomed, ignore_errors=True)
        path.rename(doomed)
        shutil.rmtree(doomed)
    except OSError as error:
        raise BundleError(f"The model {name} cannot be deleted: {error.strerror or error}.") from error


def pack_bundle(bundle: Bundle, target: Path) -> Path:
    """Write a model as one ZIP file, for `import_bundle` on another machine.

    Raises:
        BundleError: the file cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name in (*bundle.files, SUMS):
                archive.write(bundle.path / name, f"{bundle.name}/{name}")
    except OSError as error:
        raise BundleError(f"Cannot write {target}: {error.strerror or error}.") from error
    return target


def import_bundle(archive: Path | BinaryIO, name: str | None = None) -> Bundle:
    """Take in a model from a ZIP file that `pack_bundle` has written.

    Nothing of it is run: the card is JSON, LiteRT's file holds no code, and the Keras file is read only by who trains on with it.

    Args:
        archive: the file, or its bytes.
        name: under which it stands in the models folder; None for that of the folder in the archive.

    Raises:
        SettingsError: the name cannot be a folder's, or there is none in the archive.
        BundleError: the file is not there or no such ZIP, it is damaged or was changed, a model of the name exists, or it cannot
            be written.
    """
    if isinstance(archive, Path) and not archive.is_file():
        raise BundleError(f"There is no file {archive}.")
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _members(opened)
            wished = require_model_name(name or _folder_name(members))
            target = models_dir() / wished
            if target.exists():
                raise BundleError(f"A model {wished!r} exists already. Take this one in under another name.")
            with replacing_folder(target, overwrite=False) as building:
                for file, member in members.items():
                    with opened.open(member) as source, (building / file).open("wb") as written:
                        shutil.copyfileobj(source, written, _CHUNK)
                _require_whole_card(load_bundle(building))  # every file against its hash, and what prediction needs of the card
    # zipfile's own and zlib's kinds on damaged bytes; RuntimeError where a password is asked for.
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, RuntimeError) as error:
        raise BundleError(
            f"This is no ZIP file of a model: {error}. Expected what *Export* gives, or the folder zipped."
        ) from error
    except OSError as error:
        raise BundleError(f"Cannot write the model: {error.strerror or error}. Free some space.") from error
    return load_bundle(target)


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """A bundle's files in an archive, by name, from one folder or from the top.

    Raises:
        BundleError: one is missing, or they are too large.
    """
    sums = [member for member in archive.infolist() if member.filename.rpartition("/")[2] == SUMS]
    if len(sums) != 1:
        raise BundleError(
            f"Expected a ZIP file with one model in it: a folder with {', '.join((*FILES, SUMS))}. Found {len(sums)}."
        )
    folder = sums[0].filename.removesuffix(SUMS)
    found = {member.filename.removeprefix(folder): member for member in archive.infolist() if member.filename.startswith(folder)}
    with archive.open(sums[0]) as listing:
        # What it lists is checked once all lies in a folder; here it says which of the sets of files to expect.
        files = (*(parse_sums(listing.read(_CHUNK).decode("utf-8", errors="replace")) or FILES), SUMS)
    missing = [file for file in files if file not in found]
    if missing:
        raise BundleError(f"The model in this ZIP file lacks {', '.join(missing)}. Export it again.")
    members = {file: found[file] for file in files}
    # zipfile stops reading a member at the size that it declares.
    if sum(member.file_size for member in members.values()) > MAX_BUNDLE_BYTES:
        raise BundleError(f"The model in this ZIP file is larger than {MAX_BUNDLE_BYTES / 2**30:g} GB.")
    return members


def _require_whole_card(bundle: Bundle) -> None:
    """Refuse a card that prediction can use and pages cannot: the list of models would fail at it.

    Raises:
        BundleError: it lacks something, or something in it is of another kind.
    """
    from fer.model_card import describe_card

    try:
        describe_card(bundle.card), str(bundle.card["created"])
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise BundleError(f"The card of the model in this ZIP file does not make sense: {error!r}. Export it again.") from error


def _folder_name(members: dict[str, zipfile.ZipInfo]) -> str:
    """The folder in which the files lie in the archive.

    Raises:
        SettingsError: they lie in none.
    """
    folders = members[SUMS].filename.split("/")[:-1]
    if not folders:
        raise SettingsError("The files lie in no folder in this ZIP file, so the model has no name. Give it one.")
    return folders[-1]


def _require_known(name: str) -> str:
    if name not in list_bundles():
        raise BundleError(f"No model {name!r}. There are: {', '.join(list_bundles()) or 'none yet'}.")
    return name
