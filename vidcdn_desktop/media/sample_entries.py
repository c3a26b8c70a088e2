"""Sample descriptions (`stsd`) of MP4 and MOV tracks: codec, size, pixel aspect, colour, channels.

Source: ISO/IEC 14496-12, section 8.5.2 (sample description box) and 12.1/12.2 (visual and audio sample entries);
14496-14, 14496-15; QuickTime File Format, "Sound sample description" versions 0 to 2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from vidcdn_desktop.media.boxes import MAX_DEPTH, child_boxes, corrupt
from vidcdn_desktop.media.codecs import codec_of_object_type, codec_of_tag

_VISUAL_HEADER = 78
_AUDIO_HEADER = 28
_AUDIO_EXTRA = {0: 0, 1: 16, 2: 36}
"""Bytes behind the 28 of a sound description, by its version."""

_H264_PROFILES = {
    66: "Baseline",
    77: "Main",
    88: "Extended",
    100: "High",
    110: "High 10",
    122: "High 4:2:2",
    244: "High 4:4:4 Predictive",
}
_HEVC_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Rext"}
_AV1_PROFILES = {0: "Main", 1: "High", 2: "Professional"}
_PRORES_PROFILES = {"apco": "Proxy", "apcs": "LT", "apcn": "Standard", "apch": "HQ", "ap4h": "4444", "ap4x": "4444 XQ"}
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_AAC_PROFILES = {1: "Main", 2: "LC", 3: "SSR", 4: "LTP", 5: "HE-AAC", 29: "HE-AACv2"}
_AAC_CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}

_FIXED_SOUND = {"samr": 8000, "sawb": 16000}
"""AMR has one channel and one rate whatever the description says (3GPP TS 26.244, section 6.5)."""

_SBR_SYNC = 0x2B7

_AC3_RATES = (48000, 44100, 32000)
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)

# ISO/IEC 23091-2, tables 2 and 3
_PRIMARIES = {1: "BT.709", 5: "BT.601", 6: "BT.601", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_TRANSFERS = {1: "BT.709", 6: "BT.601", 13: "sRGB", 14: "BT.2020", 15: "BT.2020", 16: "PQ", 18: "HLG"}


@dataclass
class SampleEntry:
    """The first sample description of a track; what it does not say stays None or empty."""

    tag: str
    """The four-character type, of the unencrypted original where it is protected."""
    codec: str = ""
    """ffprobe's name; the tag itself where we know none."""
    profile: str = ""
    width: int = 0
    height: int = 0
    pixel_aspect: tuple[int, int] | None = None
    bit_depth: int | None = None
    hdr: str = ""
    color: str = ""
    channels: int | None = None
    sample_rate: int | None = None
    protected: bool = False


def read_sample_entry(data: bytes, start: int, end: int, handler: str) -> SampleEntry | None:
    """Read the first entry of the `stsd` whose payload is `data[start:end]`; None if it has none.

    Args:
        data: The whole index in memory.
        start: Offset of the payload (version, flags, count) in `data`.
        end: Offset behind it.
        handler: The track's handler type: "vide", "soun"…

    Raises: CorruptMedia: an entry does not fit into its box.
    """
    if end - start < 16:
        return None
    for box in child_boxes(data, start + 8, end):
        entry = SampleEntry(box.type)
        body = box.offset + box.header_size
        if handler in ("vide", "pict") and box.end - body >= _VISUAL_HEADER:
            entry.width, entry.height = struct.unpack_from(">HH", data, body + 24)
            _read_extensions(entry, data, body + _VISUAL_HEADER, box.end, 0)
        elif handler == "soun" and box.end - body >= _AUDIO_HEADER:
            _read_sound(entry, data, body, box.end)
        elif box.type == "mp4s":
            _read_extensions(entry, data, body + 8, box.end, 0)
        entry.codec = entry.codec or codec_of_tag(entry.tag) or entry.tag.strip()
        entry.profile = entry.profile or _PRORES_PROFILES.get(entry.tag, "")
        return entry
    return None


def _read_sound(entry: SampleEntry, data: bytes, body: int, end: int) -> None:
    version, channels, bits = struct.unpack_from(">H6xHH", data, body + 8)
    entry.channels = channels or None
    entry.sample_rate = struct.unpack_from(">I", data, body + 24)[0] >> 16 or None
    extra = _AUDIO_EXTRA.get(version, 0)
    if version == 2 and end - body >= _AUDIO_HEADER + extra:
        rate, many = struct.unpack_from(">dI", data, body + 32)
        entry.sample_rate = int(rate) if 0 < rate < 1e7 else None
        entry.channels = many or None
    if entry.tag in _FIXED_SOUND:
        entry.sample_rate, entry.channels = _FIXED_SOUND[entry.tag], 1
    if entry.tag in ("raw ", "twos", "sowt") and bits == 8:
        entry.codec = "pcm_u8" if entry.tag == "raw " else "pcm_s8"
    _read_extensions(entry, data, min(end, body + _AUDIO_HEADER + extra), end, 0)


def _extensions(data: bytes, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Type, payload start and end of the boxes behind an entry's fixed fields; stray bytes there end the list.

    QuickTime writers leave all kinds of rubbish here, and no player minds.
    """
    position = start
    while end - position >= 8:
        size = int.from_bytes(data[position : position + 4], "big")
        if size < 8 or position + size > end:
            return
        yield data[position + 4 : position + 8].decode("latin-1"), position + 8, position + size
        position += size


def _read_extensions(entry: SampleEntry, data: bytes, start: int, end: int, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise corrupt("The index of the file is damaged.", code="boxes nested too deeply")
    for kind, body, stop in _extensions(data, start, end):
        payload = data[body : min(stop, body + 256)]
        if kind in ("sinf", "wave"):
            _read_extensions(entry, data, body, stop, depth + 1)
        elif kind == "frma" and len(payload) >= 4 and entry.tag in ("encv", "enca", "drmi", "drms"):
            entry.tag = payload[:4].decode("latin-1")
            entry.protected = True
        elif kind == "enda" and len(payload) >= 2 and payload[1] == 1 and entry.tag in ("in24", "in32", "fl32", "fl64"):
            entry.codec = codec_of_tag(entry.tag).removesuffix("be") + "le"
        elif kind == "esds":
            _read_esds(entry, payload[4:])
        elif reader := _READERS.get(kind):
            try:
                reader(entry, payload)
            except (IndexError, struct.error) as exc:
                raise corrupt("The index of the file is damaged.", code=f"{kind} is too short") from exc


def _read_avcc(entry: SampleEntry, payload: bytes) -> None:
    profile, constraints = payload[1], payload[2]
    entry.profile = _H264_PROFILES.get(profile, "")
    if profile == 66 and constraints & 0x40:
        entry.profile = "Constrained Baseline"
    entry.bit_depth = {110: 10, 122: 10}.get(profile, 8 if profile <= 100 else None)


def _read_hvcc(entry: SampleEntry, payload: bytes) -> None:
    entry.profile = _HEVC_PROFILES.get(payload[1] & 0x1F, "")
    entry.bit_depth = 8 + (payload[17] & 7)


def _read_av1c(entry: SampleEntry, payload: bytes) -> None:
    entry.profile = _AV1_PROFILES.get(payload[1] >> 5, "")
    entry.bit_depth = (12 if payload[2] & 0x20 else 10) if payload[2] & 0x40 else 8


def _read_vpcc(entry: SampleEntry, payload: bytes) -> None:
    entry.profile = f"Profile {payload[4]}"
    entry.bit_depth = payload[6] >> 4
    _set_color(entry, payload[7], payload[8])


def _read_pasp(entry: SampleEntry, payload: bytes) -> None:
    entry.pixel_aspect = struct.unpack_from(">II", payload)


def _read_colr(entry: SampleEntry, payload: bytes) -> None:
    if payload[:4] in (b"nclx", b"nclc"):
        _set_color(entry, *struct.unpack_from(">HH", payload, 4))


def _set_color(entry: SampleEntry, primaries: int, transfer: int) -> None:
    words = _PRIMARIES.get(primaries, ""), _TRANSFERS.get(transfer, "")
    entry.color = words[0] if words[0] == words[1] else " ".join(words).strip()
    if words[1] in ("PQ", "HLG") and not entry.hdr:
        entry.hdr = words[1]


def _read_mastering(entry: SampleEntry, _payload: bytes) -> None:
    if entry.hdr in ("", "PQ"):
        entry.hdr = "HDR10"


def _read_dolby_vision(entry: SampleEntry, _payload: bytes) -> None:
    entry.hdr = "Dolby Vision"


def _read_channels_of_opus(entry: SampleEntry, payload: bytes) -> None:
    entry.channels = payload[1] or None
    entry.sample_rate = 48000


def _read_ac3(entry: SampleEntry, payload: bytes) -> None:
    bits = int.from_bytes(payload[:3], "big")  # fscod 2, bsid 5, bsmod 3, acmod 3, lfeon 1
    _set_ac3(entry, bits >> 22, bits >> 11 & 7, bits >> 10 & 1)


def _read_eac3(entry: SampleEntry, payload: bytes) -> None:
    bits = int.from_bytes(payload[2:5], "big")  # fscod 2, bsid 5, reserved 1, asvc 1, bsmod 3, acmod 3, lfeon 1
    _set_ac3(entry, bits >> 22, bits >> 9 & 7, bits >> 8 & 1)


def _set_ac3(entry: SampleEntry, rate: int, mode: int, lfe: int) -> None:
    """Source: ETSI TS 102 366, annex F (AC3SpecificBox, EC3SpecificBox) and section 4.4.2.3 (acmod)."""
    entry.sample_rate = _AC3_RATES[rate] if rate < len(_AC3_RATES) else entry.sample_rate
    entry.channels = _AC3_CHANNELS[mode] + lfe


_READERS = {
    "dac3": _read_ac3,
    "dec3": _read_eac3,
    "avcC": _read_avcc,
    "hvcC": _read_hvcc,
    "av1C": _read_av1c,
    "vpcC": _read_vpcc,
    "pasp": _read_pasp,
    "colr": _read_colr,
    "mdcv": _read_mastering,
    "SmDm": _read_mastering,
    "clli": _read_mastering,
    "dvcC": _read_dolby_vision,
    "dvvC": _read_dolby_vision,
    "dvwC": _read_dolby_vision,
    "dOps": _read_channels_of_opus,
}


def _read_esds(entry: SampleEntry, data: bytes) -> None:
    """Codec, profile, rate and channels from an MPEG-4 elementary stream descriptor.

    Source: ISO/IEC 14496-1, section 7.2.6 (descriptors); 14496-3, section 1.6.2 (AudioSpecificConfig).
    """
    for tag, body in _descriptors(data):
        if tag == 0x03 and len(body) >= 3:
            flags = body[2]
            skip = 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
            if flags & 0x40 and len(body) > skip:
                skip += 1 + body[skip]
            _read_esds(entry, body[skip:])
        elif tag == 0x04 and len(body) >= 13:
            entry.codec = codec_of_object_type(body[0])
            if entry.codec == "aac":
                for inner, config in _descriptors(body[13:]):
                    if inner == 0x05:
                        _read_aac(entry, config)


def _descriptors(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 2 <= len(data):
        tag = data[position]
        position += 1
        length = 0
        for _ in range(4):
            if position >= len(data):
                return
            byte = data[position]
            position += 1
            length = length << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        yield tag, data[position : position + length]
        position += length


def _read_aac(entry: SampleEntry, config: bytes) -> None:
    if len(config) < 2:
        return
    bits = int.from_bytes(config[:8].ljust(8, b"\0"), "big")
    place = 64

    def take(count: int) -> int:
        nonlocal place
        place -= count
        return bits >> place & (1 << count) - 1

    def take_rate() -> int:
        index = take(4)
        return take(24) if index == 15 else _AAC_RATES[index] if index < len(_AAC_RATES) else 0

    kind = take(5)
    if kind == 31:
        kind = 32 + take(6)
    rate = take_rate()
    channels = take(4)
    if kind in (5, 29):  # spectral band replication: the rate that comes out follows
        rate = take_rate()
    elif kind == 2 and len(config) >= 5 and take(3) == 0 and take(11) == _SBR_SYNC and take(6) == 0b001011:
        # the same, said behind the part that old decoders read
        rate = take_rate()
        kind = 5
    entry.profile = _AAC_PROFILES.get(kind, "")
    entry.sample_rate = rate or entry.sample_rate
    # With a parametric stereo layer one coded channel comes out as two.
    entry.channels = 2 if kind == 29 else _AAC_CHANNELS.get(channels, entry.channels)
