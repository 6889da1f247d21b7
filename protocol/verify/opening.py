"""Checks 1 to 3 of a bundle: its container, the signature of its manifest, the hashes of its files. Pure."""

import hashlib
from collections.abc import Mapping
from functools import partial

from protocol.errors import ForeignBytesError, NotABundle, TooLarge
from protocol.note import parse_note
from protocol.note import verify as verify_note
from protocol.verify import words
from protocol.verify.container import Container, Held
from protocol.verify.layout import KEYS, MANIFEST, MAX_MANIFEST_BYTES, PARTS, Manifest, is_known_path, parse_manifest
from protocol.verify.run import Run, State
from protocol.verify.signed import UnknownSigner, open_by
from protocol.verify.trust import MAX_TRUST_BYTES, Trust, parse_trust


def open_bundle(run: Run, container: Container, trust: Trust | None) -> State | None:
    """What the checks behind these read; None where nothing behind them can be read."""
    # 1 container
    run.begin(words.CONTAINER)
    try:
        sizes = container.sizes()
        if MANIFEST not in sizes:
            run.note(words.CONTAINER, "no-manifest", MANIFEST)
            return None
        raw = _read(container, MANIFEST, most=MAX_MANIFEST_BYTES)
    except NotABundle as error:
        run.note(words.CONTAINER, "no-bundle", "", why=str(error))
        return None
    except ForeignBytesError as error:
        run.note(words.CONTAINER, "container", "", why=str(error))
        return None
    # 2 manifest
    run.begin(words.MANIFEST)
    try:
        manifest = parse_manifest(parse_note(raw, limit=MAX_MANIFEST_BYTES).text)
    except ForeignBytesError as error:
        run.note(words.MANIFEST, "manifest-form", MANIFEST, why=str(error))
        return None
    missing = _compare_paths(run, manifest, sizes)
    # 3 files
    run.begin(words.FILES)
    held = Held(container, {path: stated for path, stated in manifest.files.items() if path not in missing})
    changed = _check_files(run, held)
    held = Held(container, {path: stated for path, stated in held.stated.items() if path not in changed})
    state = State(held, manifest, _own_trust(held) if trust is None else trust, hashlib.sha256(raw).hexdigest())
    _check_manifest(run, raw, state)
    return state


# 1 container


def _compare_paths(run: Run, manifest: Manifest, sizes: Mapping[str, int]) -> set[str]:
    """Exactly the files of the manifest; returns those that are missing."""
    stated = set(manifest.files)
    for path in sorted(set(sizes) - stated - {MANIFEST}):
        run.note(words.CONTAINER, "file-extra", path)
    missing = stated - set(sizes)
    for path in sorted(missing):
        run.note(words.CONTAINER, "file-missing", path)
    for path in PARTS[manifest.scope]:
        if path not in stated:
            run.note(words.CONTAINER, "part-missing", path)
    for path in sorted(path for path in stated if not is_known_path(path)):
        run.note(words.CONTAINER, "path-unknown", path)
    run.count(words.CONTAINER, "files", len(sizes))
    return missing


# 2 manifest


def _check_manifest(run: Run, raw: bytes, state: State) -> None:
    if not state.trust.is_pinned:
        run.note(words.MANIFEST, "no-trust", MANIFEST)
    try:
        _, key = open_by(
            raw, state.trust.export, partial(verify_note, limit=MAX_MANIFEST_BYTES), limit=MAX_MANIFEST_BYTES
        )
        state.signers.append(str(key))
    except UnknownSigner as error:
        run.note(words.MANIFEST, "manifest-unknown", MANIFEST, why=str(error))
    except ForeignBytesError as error:
        run.note(words.MANIFEST, "manifest-signature", MANIFEST, why=str(error))


def _own_trust(held: Held) -> Trust:
    """The keys that the bundle names itself."""
    try:
        if KEYS in held:
            return parse_trust(held.read(KEYS, most=MAX_TRUST_BYTES), is_pinned=False)
    except ForeignBytesError:
        pass
    return Trust(is_pinned=False)


# 3 files


def _check_files(run: Run, held: Held) -> set[str]:
    """Returns the paths of files that are not what the manifest states."""
    changed = set()
    for path in held.stated:
        try:
            size = sum(map(len, held.chunks(path)))
        except ForeignBytesError as error:
            run.note(words.FILES, "file-changed", path, why=str(error))
            changed.add(path)
        else:
            run.count(words.FILES, "files")
            run.count(words.FILES, "bytes", size)
    return changed


def _read(container: Container, path: str, *, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    for chunk in container.chunks(path):
        size += len(chunk)
        if size > most:
            raise TooLarge(f"{path} has at most {most} bytes, and it has more")
        parts.append(chunk)
    return b"".join(parts)
