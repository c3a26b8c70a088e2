"""What is said about links that are handed out."""

from __future__ import annotations

from datetime import datetime, timedelta

from PySide6.QtCore import QDateTime, QLocale

from vidcdn_desktop.jobs.sharing import Form, LinkKind, Sharing
from vidcdn_desktop.textsafe import plural

KINDS = ((LinkKind.CDN, "CDN link"), (LinkKind.SIGNED, "Signed CDN link"), (LinkKind.PRESIGNED, "S3 link"))
FORMS = ((Form.LINK, "Link"), (Form.EMBED, "Embed HTML"), (Form.MARKDOWN, "Markdown"))
SPANS = (
    (timedelta(hours=1), "1 hour"),
    (timedelta(hours=12), "12 hours"),
    (timedelta(days=1), "1 day"),
    (timedelta(days=3), "3 days"),
    (timedelta(days=7), "7 days"),
)

ABOUT = {
    LinkKind.CDN: "Through the CDN. Anyone who has it can watch for as long as the video is there.",
    LinkKind.SIGNED: "Through the CDN, and only until it ends.",
    LinkKind.PRESIGNED: "Straight from the bucket, not through the CDN, and only until it ends.",
}
NOT_SERVED = "No distribution serves these objects, so there is no CDN link."


def local_time(time: datetime) -> str:
    """A moment in the user's own time and manner, the zone named."""
    local = time.astimezone()
    moment = QDateTime.fromSecsSinceEpoch(int(time.timestamp()))
    day = QLocale().toString(moment, "ddd d MMM yyyy")
    return f"{day}, {QLocale().toString(moment.time(), QLocale.FormatType.ShortFormat)} ({local:%Z})"


def until(sharing: Sharing) -> str:
    """Until when the links work."""
    if sharing.until is None:
        return "Has no end" if len(sharing.links) == 1 else "They have no end"
    return f"{'Works' if len(sharing.links) == 1 else 'They work'} until {local_time(sharing.until)}"


def warnings(sharing: Sharing) -> str:
    """What is to be known before a link is given away, in sentences."""
    found = list(sharing.remarks)
    if sharing.shortened:
        found.append("That is when the sign-in of this connection ends, and what it has signed with it.")
    if sharing.may_end_sooner:
        found.append(
            "It ends sooner if the session token of this connection does, usually within hours: when is not known here."
        )
    if sharing.until is not None:
        them = "the link" if len(sharing.links) == 1 else "a link"
        found.append(f"Whoever has {them} can watch until then; it cannot be taken back.")
    return " ".join(found)


def copied(sharing: Sharing, form: Form) -> str:
    """The message after copying."""
    count = len(sharing.links)
    what = {Form.LINK: "link", Form.EMBED: "embed code", Form.MARKDOWN: "Markdown link"}[form]
    words = f"{what[:1].upper()}{what[1:]} copied" if count == 1 else f"{plural(count, what)} copied"
    return words if sharing.until is None else f"{words}; works until {local_time(sharing.until)}"
