"""Whether a notebook's fresh outputs are those that it was committed with.

Text is the same when all its words are and its numbers nearly: a machine with other vector instructions rounds differently.
Pictures are the same when they are of one size and nearly the same pixels. Lines that begin with a time do not count, nor do
the words of a curve that is drawn while it grows (its picture does) and what a compiler prints.
"""
import base64
import re
import struct
import zlib

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
RELATIVE, ABSOLUTE = 0.03, 0.02
PIXEL = 4.0


def differences(before, after):
    """What differs between the outputs of a cell, in words."""
    before, after = [o for o in before if counts(o)], [o for o in after if counts(o)]
    kinds = [[kind(o) for o in outputs] for outputs in (before, after)]
    if kinds[0] != kinds[1]:
        return [f"it gave {', '.join(kinds[0]) or 'nothing'}, now {', '.join(kinds[1]) or 'nothing'}"]
    return [words for pair in zip(before, after) for words in differ(*pair)]


def counts(output):
    return not (output["output_type"] == "stream" and output["name"] == "stderr")


def kind(output):
    return "+".join(sorted(output["data"])) if "data" in output else output["output_type"]


def differ(before, after):
    if before["output_type"] == "stream":
        yield from text(before["text"], after["text"])
    elif before["output_type"] == "error":
        yield from text(*(ANSI.sub("", "\n".join(o["traceback"])) for o in (before, after)))
    elif "image/png" in before.get("data", {}):
        yield from picture(*(base64.b64decode(o["data"]["image/png"]) for o in (before, after)))
    else:
        yield from text(*(o["data"].get("text/plain", "") for o in (before, after)))


def text(before, after):
    before, after = ("\n".join(line for line in t.splitlines() if not timed(line)) for t in (before, after))
    if re.sub(r"\s+", " ", NUMBER.sub("#", before)).strip() != re.sub(r"\s+", " ", NUMBER.sub("#", after)).strip():
        yield f"it said {before.strip()[:200]!r}, now {after.strip()[:200]!r}"
        return
    for old, new in zip(NUMBER.findall(before), NUMBER.findall(after)):
        if abs(float(old) - float(new)) > ABSOLUTE + RELATIVE * abs(float(old)):
            yield f"{old} is now {new}"


def timed(line):
    return re.match(r"\s*\d+ s\b", line)


def picture(before, after):
    if before == after:
        return
    (old_size, old), (new_size, new) = pixels(before), pixels(after)
    if old_size != new_size:
        yield f"a picture of {old_size[0]}x{old_size[1]} is now {new_size[0]}x{new_size[1]}"
        return
    apart = sum(abs(a - b) for a, b in zip(old, new)) / max(len(old), 1)
    if apart > PIXEL:
        yield f"a picture's pixels differ by {apart:.1f} of 255 in the mean"


def pixels(png):
    """Width and height, and the bytes of a PNG of 8 bits a channel that is not interlaced."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", png[16:29])
    if depth != 8 or interlaced or colour not in (0, 2, 3, 4, 6):
        raise ValueError(f"a PNG of depth {depth}, colour type {colour}")
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    packed, at = b"", 8
    while at < len(png):
        length, name = struct.unpack(">I4s", png[at : at + 8])
        if name == b"IDAT":
            packed += png[at + 8 : at + 8 + length]
        at += length + 12
    raw, row_bytes = zlib.decompress(packed), width * channels
    above, out = bytearray(row_bytes), bytearray()
    for y in range(height):
        start = y * (row_bytes + 1)
        row = unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + row_bytes]), above, channels)
        out += row
        above = row
    return (width, height), out


def unfiltered(way, row, above, channels):
    """A row of pixels from what a PNG holds of it (PNG specification, section 9)."""
    if way == 2:
        return bytearray((v + b) & 255 for v, b in zip(row, above))
    if way:
        for i, value in enumerate(row):
            left = row[i - channels] if i >= channels else 0
            corner = above[i - channels] if i >= channels else 0
            add = {1: left, 3: (left + above[i]) // 2, 4: paeth(left, above[i], corner)}[way]
            row[i] = (value + add) & 255
    return row


def paeth(left, above, corner):
    guess = left + above - corner
    return min((abs(guess - left), 0, left), (abs(guess - above), 1, above), (abs(guess - corner), 2, corner))[2]
