"""What goes over the pipe is what comes out of it, however the pipe cuts it."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from importer.model import Answer, LocalFile, NoAnswer, RemoteUrl, Request, Stamp
from importer.transfer.bodies import Whole
from importer.transfer.crew import speech
from importer.transfer.crew.frames import Unpacking, packed
from importer.transfer.source_faults import SourceFault
from importer.transfer.streamed import Streamed


def over(plain):
    """Through a frame."""
    ((found,),) = Unpacking().feed(packed([(plain,)]))
    return found


@pytest.mark.parametrize(
    "reply",
    [
        Answer(200, b'{"ok": true}', MappingProxyType({"retry-after": "3"}), True),
        Answer(503, b"\xff\0", {}, False, is_cut=True, is_early=True),
        NoAnswer("timeout", "no answer from host in time", True),
        NoAnswer("connect", "host can't be reached (Connection refused)", False),
        SourceFault("local_read", "the file can't be read", is_passing=True),
        SourceFault("local_read", "too many", is_crowded=True),
    ],
    ids=repr,
)
def test_replies_come_back_as_they_were(reply):
    """Each of their fields."""
    found = speech.reply_of(over(speech.plain_reply(reply)))
    assert (type(found), found) == (type(reply), reply)


@pytest.mark.parametrize(
    "source", [LocalFile("/p/ä \udcff.jpg"), RemoteUrl("https://host/p.jpg?sig=x")], ids=repr
)
def test_sources_go_over(source):
    """Paths that are no text in any encoding as well."""
    assert speech.source_of(over(speech.plain_source(source))) == source


def test_requests_go_over():
    """With what stands around the body."""
    request = Request("https://host/?a=%20", MappingProxyType({"A": "b"}), b"pre", b"\0suf")
    assert speech.request_of(over(speech.plain_request(request))) == request


def test_a_body_that_is_kept_goes_over_as_its_looks():
    """Its bytes don't."""
    body = Whole(b"picture", b"digest", Stamp(7, 11), "image/jpeg")
    plain = over(speech.plain_found(body, 5))
    assert b"picture" not in repr(plain).encode()
    assert speech.fault_or_streamed(plain, block=1) is None
    assert speech.looks_of(plain) == (5, 7, b"digest", Stamp(7, 11), "image/jpeg")


def test_what_is_found_besides_goes_over_whole():
    """A large picture is only looked at; a fault is a fault."""
    streamed = speech.fault_or_streamed(
        over(speech.plain_found(Streamed("/p.mp4", Stamp(9, 2), "video/mp4"), 0)), block=3
    )
    assert isinstance(streamed, Streamed)
    assert (streamed.path, streamed.stamp, streamed.media_type) == (
        "/p.mp4", Stamp(9, 2), "video/mp4",
    )  # fmt: skip
    fault = SourceFault("file_missing", "there is no such file")
    assert speech.fault_or_streamed(over(speech.plain_found(fault, 0)), block=3) == fault


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 100, 10_000])
def test_frames_are_put_together_however_the_pipe_cuts_them(step):
    """In order, none lost, none twice."""
    sent = [[(1, "a" * n), (2, n, b"\0" * n)] for n in range(30)]
    data = b"".join(packed(messages) for messages in sent)
    unpacking, found = Unpacking(), []
    for start in range(0, len(data), step):
        found += unpacking.feed(data[start : start + step])
    assert found == [message for messages in sent for message in messages]
