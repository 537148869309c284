"""Zip archives read with bounds, zstd members too; nothing is ever unpacked to disk."""

from __future__ import annotations

import gc
import struct
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any

from unseen.errors import BadInput, MissingExtra
from unseen.responses.readers._content import parse_json

ZSTD = 93
MAX_MEMBERS = 2_000_000
MAX_MEMBER = 2 << 30
MAX_TOTAL = 32 << 30
# Text compresses ten to fifty times; what unpacks to far more is built to fill memory.
MAX_RATIO = 300
RATIO_FROM = 64 << 20


class Archive:
    """A zip archive, opened for reading with bounds on members, sizes and ratio.

    Args:
        path: The file.

    Raises:
        BadInput: It is cut off, damaged, or unpacks to more than the bounds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, struct.error) as error:
            raise BadInput(
                f"{path}: the zip archive is cut off or damaged ({error}). Copy it again; if the run was stopped, "
                "recover the log first (inspect log recover)."
            ) from None
        self.names = self._zip.namelist()
        if len(self.names) > MAX_MEMBERS:
            raise BadInput(f"{path}: holds {len(self.names):,} members, more than {MAX_MEMBERS:,}; it is not read.")
        total = sum(info.file_size for info in self._zip.infolist())
        if total > MAX_TOTAL:
            raise BadInput(f"{path}: unpacks to {total / 2**30:.0f} GiB, more than {MAX_TOTAL >> 30}; it is not read.")

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self._zip.NameToInfo

    def read(self, name: str) -> bytes:
        """One member, unpacked within the bounds.

        Raises:
            BadInput: The member is damaged or too large.
            MissingExtra: It is compressed with zstd and nothing here can read that.
        """
        info = self._zip.getinfo(name)
        ratio = info.file_size / max(info.compress_size, 1)
        if info.file_size > MAX_MEMBER or (info.file_size > RATIO_FROM and ratio > MAX_RATIO):
            raise BadInput(
                f"{self.path}: member {name!r} unpacks from {info.compress_size / 2**20:.1f} to "
                f"{info.file_size / 2**20:,.0f} MiB ({ratio:,.0f} times). This looks like a zip bomb; it is not read."
            )
        try:
            return self._zstd(info) if info.compress_type == ZSTD else self._zip.read(name)
        except MissingExtra as error:
            raise MissingExtra(f"{self.path}: reading a log compressed with zstd", error.extra) from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, struct.error) as error:
            raise BadInput(f"{self.path}: member {name!r} is damaged ({error}). Copy the file again.") from None
        except NotImplementedError as error:
            raise BadInput(
                f"{self.path}: member {name!r} is compressed in a way that is not known here ({error})."
            ) from None
        except RuntimeError as error:
            raise BadInput(f"{self.path}: member {name!r} can't be read ({error}).") from None

    def json(self, name: str) -> Any:
        """One member as JSON (NaN allowed, as the tools write it).

        Raises:
            BadInput: It is not JSON.
        """
        data = self.read(name)
        # Millions of new objects make the cyclic collector run over and over, and JSON holds no cycles.
        collecting = gc.isenabled()
        gc.disable()
        try:
            return parse_json(data)
        except ValueError as error:
            raise BadInput(f"{self.path}: member {name!r} is not valid JSON ({error}).") from None
        finally:
            if collecting:
                gc.enable()

    def _zstd(self, info: zipfile.ZipInfo) -> bytes:
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            header = file.read(30)
            if header[:4] != b"PK\x03\x04":
                raise zipfile.BadZipFile("bad local header")
            name_length, extra_length = struct.unpack("<HH", header[26:30])
            file.seek(name_length + extra_length, 1)
            packed = file.read(info.compress_size)
        data = unzstd(packed, info.file_size)
        if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
            raise zipfile.BadZipFile("size or checksum differ")
        return data


def unzstd(packed: bytes, size: int) -> bytes:
    """Unpack one zstd stream to at most ``size`` bytes and one more.

    Raises:
        MissingExtra: Neither Python 3.14 nor the package zstandard is there.
        BadInput: The stream is damaged.
    """
    try:
        import zstandard
    except ImportError:
        raise MissingExtra("reading logs compressed with zstd", "zstd") from None
    try:
        with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as stream:
            # One byte more than declared is enough to see that the header lies.
            return stream.read(size + 1)
    except zstandard.ZstdError as error:
        raise zipfile.BadZipFile(str(error)) from None


__all__ = ["ZSTD", "Archive", "unzstd"]
