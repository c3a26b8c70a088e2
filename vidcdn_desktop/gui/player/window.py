"""One video from the CDN: the picture, the controls, and what the edge said."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QCloseEvent, QDesktopServices, QHideEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from vidcdn_desktop.delivery.proxy import PlaybackProxy
from vidcdn_desktop.delivery.session import PlaybackFacts
from vidcdn_desktop.gui.models.play_wish import PlayWish
from vidcdn_desktop.gui.player.multimedia import multimedia, quiet_ffmpeg
from vidcdn_desktop.gui.player.stage import VideoStage
from vidcdn_desktop.gui.widgets import Button, ElidedLabel, IconButton, PlainLabel, announce
from vidcdn_desktop.textsafe import display, format_duration, format_size, plural

_LOOK_MS = 250
_STUCK_S = 2.0
"""A position that stands still this long while playing means that the stream broke without an error."""
_NO_PICTURE_S = 6.0
_MOST_RECOVERIES = 3
_VOLUME = 80


def edge_line(facts: PlaybackFacts, first_frame_s: float | None, *, short: bool = False) -> str:
    """For example: Playing from CloudFront · Hit · age 41 s · DUB56-P1 · first frame 0.19 s.

    Only what was answered: an edge names itself, so a link straight to the store is not called CloudFront. `short`:
    without the figures that change all the time.
    """
    if facts.status is None:
        return "Asking for the video"
    parts = ["Playing from CloudFront" if facts.x_cache or facts.pop else "Playing, from no edge of CloudFront"]
    if facts.x_cache:
        parts.append(display(facts.x_cache.split(" ")[0], 20))
    if facts.age_s is not None:
        parts.append(f"age {facts.age_s} s")
    if facts.pop:
        parts.append(display(facts.pop, 20))
    if first_frame_s is not None:
        parts.append(f"first frame {first_frame_s:.2f} s")
    if facts.requests and not short:
        read = format_size(facts.bytes_forwarded)
        parts.append(f"{read} in {plural(len(facts.requests), 'range request')}")
    return " · ".join(parts)


class PlayerWindow(QWidget):
    """Plays through the loopback proxy. `start` begins; closing ends everything at once.

    `compact`: to be put into a page. What the edge said is told by `measured` then, and it pauses when it is hidden.
    """

    closed = Signal(object)
    """The window itself."""
    measured = Signal(object)
    """PlaybackFacts: what the edge said so far; also when the first frame has come."""
    window_wanted = Signal()
    """Of a compact one: the user wants it large."""

    def __init__(
        self, wish: PlayWish, proxy: PlaybackProxy, get_url: Callable[[], str], *, compact: bool = False
    ) -> None:
        super().__init__()
        self.wish = wish
        self.compact = compact
        self._proxy = proxy
        self._get_url = get_url
        self.first_frame_s: float | None = None
        self._began = 0.0
        self._moved_at = 0.0
        self._position = 0
        self._resume_at = 0
        self._recoveries = 0
        self._ended = False
        self._dragging = False
        self.setWindowTitle(display(wish.title))
        self.setObjectName("Page")
        self._build()
        self._make_player()
        self.session = proxy.open(get_url, wish.title)
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._on_look)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.stage = VideoStage(self.wish.poster)
        self.stage.double_clicked.connect(self.toggle_full_screen)
        self.stage.clicked.connect(self.toggle)
        column.addWidget(self.stage, 1)
        self.controls = QWidget()
        below = QVBoxLayout(self.controls)
        below.setContentsMargins(14, 8, 14, 10)
        below.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.play_button = IconButton("pause", "Pause")
        self.seek_bar = QSlider(Qt.Orientation.Horizontal)
        self.seek_bar.setAccessibleName("Position")
        self.time = PlainLabel("0:00", role="mono")
        self.mute_button = IconButton("volume", "Mute")
        self.volume = QSlider(Qt.Orientation.Horizontal)
        self.volume.setAccessibleName("Volume")
        self.volume.setRange(0, 100)
        self.volume.setValue(_VOLUME)
        self.volume.setFixedWidth(90)
        self.full_button = IconButton("fullscreen", "Full screen")
        for slider in (self.seek_bar, self.volume):
            slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.addWidget(self.play_button)
        row.addWidget(self.seek_bar, 1)
        for widget in (self.time, self.mute_button, self.volume, self.full_button):
            row.addWidget(widget)
        below.addLayout(row)
        self.line = ElidedLabel(role="small", mode=Qt.TextElideMode.ElideRight)
        below.addWidget(self.line)
        self.problem = PlainLabel(role="danger", wrap=True, selectable=True)
        self.problem.hide()
        self.browser_button = Button("Open in the browser", small=True)
        self.browser_button.hide()
        below.addWidget(self.problem)
        below.addWidget(self.browser_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.controls)
        if self.compact:
            self._make_compact(below)
        self.play_button.clicked.connect(self.toggle)
        self.mute_button.clicked.connect(self.toggle_mute)
        self.full_button.clicked.connect(self.toggle_full_screen)
        self.browser_button.clicked.connect(self._on_browser)
        self.volume.valueChanged.connect(self._on_volume)
        self.seek_bar.sliderPressed.connect(self._on_pressed)
        self.seek_bar.sliderReleased.connect(self._on_released)
        self.seek_bar.actionTriggered.connect(self._on_bar_action)

    def _make_compact(self, below: QVBoxLayout) -> None:
        below.setContentsMargins(0, 4, 0, 0)
        self.stage.setMinimumSize(160, 90)
        self.volume.hide()
        self.line.hide()
        self.full_button.set_icon("fullscreen", "Open in a window")

    def _make_player(self) -> None:
        module = multimedia()
        assert module is not None, "the window is opened only where Qt Multimedia is there"
        self._media: Any = module
        self.player: Any = module.QMediaPlayer(self)
        quiet_ffmpeg()
        self.sink: Any = module.QVideoSink(self)
        self.audio: Any = module.QAudioOutput(self)
        self.audio.setVolume(_VOLUME / 100)
        self.player.setVideoSink(self.sink)
        self.player.setAudioOutput(self.audio)
        self.sink.videoFrameChanged.connect(self._on_frame)
        self.player.positionChanged.connect(self._on_position)
        self.player.durationChanged.connect(self._on_duration)
        self.player.playbackStateChanged.connect(self._on_state)
        self.player.mediaStatusChanged.connect(self._on_status)
        self.player.errorOccurred.connect(self._on_error)

    def start(self) -> None:
        """Fetch and play."""
        self._began = self._moved_at = time.monotonic()
        self.player.setSource(QUrl(self.session.local_url))
        self.player.play()
        self._look.start()
        self.setFocus()

    # What the player says
    @Slot(object)
    def _on_frame(self, frame: Any) -> None:
        if not frame.isValid():
            return
        if self.first_frame_s is None:
            self.first_frame_s = time.monotonic() - self._began
            self._tell_facts(self.session.facts())
            announce(self, f"Playing, first frame after {self.first_frame_s:.2f} seconds")
        self.stage.show_frame(frame)

    @Slot("qint64")
    def _on_position(self, position: int) -> None:
        self._position = position
        self._moved_at = time.monotonic()
        if not self._dragging:
            self.seek_bar.setValue(position)
        self._show_time(position)

    @Slot("qint64")
    def _on_duration(self, duration: int) -> None:
        self.seek_bar.setRange(0, duration)
        self.seek_bar.setSingleStep(5000)
        self.seek_bar.setPageStep(max(5000, duration // 10))
        self._show_time(self._position)

    def _show_time(self, position: int) -> None:
        self.time.set_text(f"{format_duration(position / 1000)} / {format_duration(self.player.duration() / 1000)}")

    @Slot(object)
    def _on_state(self, _state: Any) -> None:
        playing = self.is_playing
        self.play_button.set_icon("pause" if playing else "play", "Pause" if playing else "Play")
        self._moved_at = time.monotonic()

    @Slot(object)
    def _on_status(self, status: Any) -> None:
        states = self._media.QMediaPlayer.MediaStatus
        if status == states.LoadedMedia and self._resume_at:
            self.player.setPosition(self._resume_at)
            self._resume_at = 0
            self.player.play()
        elif status == states.EndOfMedia and not self.stage.has_frame and self.player.hasVideo():
            self._no_picture()

    @Slot()
    def _on_error(self) -> None:
        if self.first_frame_s is not None and self._recover():
            return
        error = self.session.facts().error
        if error is not None:
            self._tell(f"{error.what} {error.advice}")
        else:
            self._tell("The CDN answered, but this is no video this computer can read. A browser may play it.")

    # Looking after it
    @Slot()
    def _on_look(self) -> None:
        facts = self.session.facts()
        self._tell_facts(facts)
        if not self.is_playing or self.problem.isVisible():
            return
        still = time.monotonic() - self._moved_at
        at_end = self.player.duration() and self._position >= self.player.duration() - 250
        if self.first_frame_s is not None and still > _STUCK_S and not at_end:
            self._recover()
        elif self.first_frame_s is None and facts.error is not None:
            self._tell(f"{facts.error.what} {facts.error.advice}")
        elif self.first_frame_s is None and time.monotonic() - self._began > _NO_PICTURE_S and self.player.hasVideo():
            self._no_picture()

    def _tell_facts(self, facts: PlaybackFacts) -> None:
        self.line.set_text(edge_line(facts, self.first_frame_s))
        self.measured.emit(facts)

    def _recover(self) -> bool:
        """The stream broke: open the link again, freshly signed, and go on where it was."""
        if self._recoveries >= _MOST_RECOVERIES or self._ended:
            return False
        self._recoveries += 1
        self._resume_at = max(1, self._position)
        self._moved_at = time.monotonic()
        self.session.close()
        self.session = self._proxy.open(self._get_url, self.wish.title)
        self.player.setSource(QUrl(self.session.local_url))
        self.player.play()
        return True

    def _no_picture(self) -> None:
        key = self._media.QMediaMetaData.Key.VideoCodec
        tracks = self.player.videoTracks()
        codec = tracks[0].stringValue(key) if tracks else ""
        name = codec or "this kind of video"
        self._tell(f"This computer cannot show {name} without hardware for it; browsers can.")

    def _tell(self, text: str) -> None:
        if self._ended:
            return
        if not self.is_playing:
            # It never began, so no change of state has turned the button.
            self.play_button.set_icon("play", "Play")
        self.problem.set_text(display(text))
        self.problem.show()
        self.browser_button.show()
        announce(self, text, urgent=True)

    # What the user does
    @property
    def is_playing(self) -> bool:
        """Whether the clock runs."""
        return bool(self.player.playbackState() == self._media.QMediaPlayer.PlaybackState.PlayingState)

    @Slot()
    def toggle(self) -> None:
        """Play or pause."""
        if self.is_playing:
            self.player.pause()
        else:
            self.player.play()

    @Slot()
    def toggle_mute(self) -> None:
        """Sound off and on."""
        muted = not self.audio.isMuted()
        self.audio.setMuted(muted)
        self.mute_button.set_icon("mute" if muted else "volume", "Sound on" if muted else "Mute")

    @Slot()
    def toggle_full_screen(self) -> None:
        """The whole screen for the picture, and back; from inside a page a window of its own."""
        if self.compact:
            self.window_wanted.emit()
            return
        full = not self.isFullScreen()
        self.controls.setVisible(not full)
        if full:
            self.showFullScreen()
        else:
            self.showNormal()

    def seek(self, position_ms: int) -> None:
        """Go to a position, kept inside the film."""
        self.player.setPosition(max(0, min(position_ms, self.player.duration())))

    @Slot(int)
    def _on_volume(self, value: int) -> None:
        self.audio.setVolume(value / 100)

    @Slot()
    def _on_pressed(self) -> None:
        self._dragging = True

    @Slot()
    def _on_released(self) -> None:
        self._dragging = False
        self.seek(self.seek_bar.value())

    @Slot(int)
    def _on_bar_action(self, _action: int) -> None:
        if not self._dragging:
            self.seek(self.seek_bar.sliderPosition())

    @Slot()
    def _on_browser(self) -> None:
        QDesktopServices.openUrl(QUrl(self.wish.url))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space and K, J and L, arrows, M, F, Home, End, Esc."""
        key = event.key()
        jumps = {Qt.Key.Key_Left: -5000, Qt.Key.Key_Right: 5000, Qt.Key.Key_J: -10000, Qt.Key.Key_L: 10000}
        if key in (Qt.Key.Key_Space, Qt.Key.Key_K):
            self.toggle()
        elif key in jumps:
            self.seek(self.player.position() + jumps[Qt.Key(key)])
        elif key == Qt.Key.Key_Home:
            self.seek(0)
        elif key == Qt.Key.Key_End:
            self.seek(self.player.duration() - 500)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.volume.setValue(self.volume.value() + (5 if key == Qt.Key.Key_Up else -5))
        elif key == Qt.Key.Key_M:
            self.toggle_mute()
        elif key == Qt.Key.Key_F or (key == Qt.Key.Key_Escape and self.isFullScreen()):
            self.toggle_full_screen()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Inside a page the picture has the height that belongs to its width."""
        super().resizeEvent(event)
        if self.compact:
            self.stage.setFixedHeight(round(self.width() * 9 / 16))

    def hideEvent(self, event: QHideEvent) -> None:
        """What nobody sees does not go on inside a page."""
        super().hideEvent(event)
        if self.compact and not self._ended and self.is_playing:
            self.player.pause()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the session, clear the source: in this order nothing freezes.

        Never `QMediaPlayer.stop`: it waits for the thread that reads, and holds Python's lock meanwhile, so a proxy
        thread that has to answer that very read would wait for ever. `setSource` lets go of the lock.
        """
        if not self._ended:
            self._ended = True
            self._look.stop()
            self.session.close()
            self.player.setSource(QUrl())
            self.player.setVideoSink(None)
            self.closed.emit(self)
        event.accept()
