"""The top-level boxes of a file for people: what each is for, neighbours of one kind together, sizes in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from vidcdn_desktop.media.info import BoxHeader
from vidcdn_desktop.textsafe import format_size, plural

_SHOWN = 10
"""Groups named one by one in a line of text."""


class BoxRole(Enum):
    """What a box is for, in a creator's words."""

    START = "Start"
    """ftyp: says what kind of file this is."""
    INDEX = "Index"
    """moov: where each picture and each sound stands."""
    FRAGMENT = "Index of a fragment"
    """moof and what leads to it."""
    MEDIA = "Film and sound"
    """mdat."""
    PADDING = "Padding"
    """free, skip, wide: nothing."""
    OTHER = "Other"


_ROLES = {
    **dict.fromkeys(("ftyp", "styp", "jP  ", "pdin", "pnot"), BoxRole.START),
    "moov": BoxRole.INDEX,
    **dict.fromkeys(("moof", "sidx", "ssix", "mfra", "emsg", "prft"), BoxRole.FRAGMENT),
    **dict.fromkeys(("mdat", "imda"), BoxRole.MEDIA),
    **dict.fromkeys(("free", "skip", "wide"), BoxRole.PADDING),
}


def box_role(kind: str) -> BoxRole:
    """What a box of this type is for."""
    return _ROLES.get(kind, BoxRole.OTHER)


@dataclass(frozen=True)
class BoxGroup:
    """Neighbouring boxes of one role."""

    role: BoxRole
    kind: str
    """The type of the boxes; those of mixed groups joined by "+"."""
    count: int
    offset: int
    """Where the first stands, in bytes."""
    size: int
    """Bytes of all together."""

    def words(self) -> str:
        """For example "moov (index): 14.2 kB from byte 1,024 on"."""
        many = f"{self.count:,} × " if self.count > 1 else ""
        return f"{many}{self.kind} ({self.role.value.lower()}): {format_size(self.size)} from byte {self.offset:,} on"


def box_groups(boxes: Sequence[BoxHeader]) -> tuple[BoxGroup, ...]:
    """Put neighbours of one role together, in file order."""
    groups: list[BoxGroup] = []
    for box in boxes:
        role = box_role(box.type)
        last = groups[-1] if groups else None
        if last is None or last.role is not role:
            groups.append(BoxGroup(role, box.type, 1, box.offset, box.size))
            continue
        kinds = last.kind.split("+")
        kind = last.kind if box.type in kinds or len(kinds) > 3 else f"{last.kind}+{box.type}"
        groups[-1] = BoxGroup(role, kind, last.count + 1, last.offset, last.size + box.size)
    return tuple(groups)


def boxes_line(boxes: Sequence[BoxHeader]) -> str:
    """The boxes in one line: "ftyp 32 bytes, mdat 9.1 MB, moov 14.2 kB"; long lists are cut in the middle."""
    groups = box_groups(boxes)
    words = [f"{f'{g.count:,} × ' if g.count > 1 else ''}{g.kind} {format_size(g.size)}" for g in groups]
    if len(words) > _SHOWN:
        hidden = groups[_SHOWN - 2 : -1]
        size = sum(group.size for group in hidden)
        middle = f"{plural(sum(group.count for group in hidden), 'more box', 'more boxes')} {format_size(size)}"
        words = [*words[: _SHOWN - 2], middle, words[-1]]
    return ", ".join(words)
