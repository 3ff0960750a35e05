"""Mutations: of bytes, of lengths, of the order and number of things, of what belongs together; all chance from one seed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from tests.fault.fuzz.exchange import Exchange, Said, lengths
from tests.support.attacker import ASSOCIATE_RQ, abort, pdu

Pdus = list[bytes]
MOST_BYTES = 2**20
_INTERESTING = (0, 1, 2, 4, 5, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
_COMMANDS = (0x1, 0x8001, 0x10, 0x20, 0x21, 0x30, 0x8030, 0x100, 0x110, 0x120, 0x130, 0x140, 0x150, 0x8130, 0xFFF, 0x0, 0xFFFF)
_UIDS = (b"..", b"../x", b"/etc/x", b"1." * 32 + b"1", b"", b"\0", b"1.2\0.3", b"\xff\xfe", b"1.2.840.10008.1.1\0", b"0", b"1..2")


@dataclass(frozen=True)
class Case:
    """What is put on the wire. ``cuts``: where it is broken into sends; ``ending``: how the peer leaves."""

    number: int
    name: str
    stream: bytes
    cuts: tuple[int, ...]
    ending: str


def case(seeds: Sequence[Exchange], seed: int, number: int) -> Case:
    """Case ``number`` of a seed: the same whenever it is asked for."""
    chance = Random(f"{seed}:{number}")
    exchange = chance.choice(seeds)
    if chance.random() < 0.7:
        exchange = _messages(exchange, seeds, chance)
    pieces = exchange.pdus()
    if chance.random() < 0.5:
        for _ in range(chance.choice((1, 1, 2, 5))):
            pieces = chance.choice(_ON_PDUS)(pieces, chance)
    stream = b"".join(pieces)
    if chance.random() < 0.3:
        stream = broken(stream, chance, start=0 if chance.random() < 0.3 else min(len(stream), len(exchange.request)))
    stream = stream[:MOST_BYTES]
    cuts = tuple(sorted(chance.randrange(len(stream) + 1) for _ in range(chance.choice((0, 0, 1, 3)))))
    return Case(number, exchange.name, stream, cuts, chance.choice(("half", "half", "half", "close", "reset", "hold")))


# ------------------------------------------------------------------------------------------------------------------ messages


def _messages(exchange: Exchange, seeds: Sequence[Exchange], chance: Random) -> Exchange:
    said = list(exchange.said)
    if chance.random() < 0.2:
        other = chance.choice(seeds)
        said += list(other.said)[: chance.randrange(3)]
    if chance.random() < 0.15 and said:
        said.insert(chance.randrange(len(said) + 1), chance.choice(said))
    if chance.random() < 0.15:
        chance.shuffle(said)
    if chance.random() < 0.1:
        said = said[: chance.randrange(len(said) + 1)]
    return replace(exchange, said=[_message(one, chance) if chance.random() < 0.6 else one for one in said])


def _message(said: Said, chance: Random) -> Said:
    for _ in range(chance.choice((1, 1, 2, 4))):
        said = chance.choice(_ON_MESSAGES)(said, chance)
    return said


def _data(said: Said, chance: Random) -> Said:
    return said if said.data is None else replace(said, data=broken(said.data, chance))


def _data_length(said: Said, chance: Random) -> Said:
    places = lengths(said.data or b"")
    if not places or said.data is None:
        return said
    at, form = chance.choice(places)
    data = bytearray(said.data)
    (old,) = struct.unpack_from(form, data, at)
    most = 2 ** (8 * struct.calcsize(form)) - 1
    new = chance.choice([*(n for n in _INTERESTING if n <= most), (old + chance.choice((-2, -1, 1, 2))) & most])
    struct.pack_into(form, data, at, new)
    return replace(said, data=bytes(data))


def _data_presence(said: Said, chance: Random) -> Said:
    return replace(said, data=None if said.data is not None else bytes(chance.randrange(64)))


def _context_id(said: Said, chance: Random) -> Said:
    return replace(said, context_id=chance.choice((0, 1, 2, 3, 5, 7, 9, 11, 13, 15, 17, 255)))


def _fragment_size(said: Said, chance: Random) -> Said:
    # Tiny fragments of large data sets would be a flood rather than a finding.
    least = max(1, len(said.data or b"") // 500)
    return replace(said, size=max(least, chance.choice((1, 2, 7, 100, 1024, 60000))))


def _element(said: Said, chance: Random) -> Said:
    if not said.command:
        return said
    command = dict(said.command)
    number = chance.choice(list(command))
    how = chance.randrange(6)
    if how == 0:
        del command[number]
    elif how == 1:
        command[number] = chance.randbytes(chance.choice((0, 1, 2, 3, 4, 8, 64, 300)))
    elif how == 2:
        command[number] = struct.pack("<I", chance.choice(_INTERESTING))[: chance.choice((1, 2, 4))]
    elif how == 3:
        command[chance.randrange(0x10000)] = command[number]
    elif how == 4:
        command = dict(sorted(command.items(), reverse=True))
    else:
        command[number] = broken(command[number], chance)
    return replace(said, command=command)


def _field(said: Said, chance: Random) -> Said:
    return replace(said, command=said.command | {0x100: struct.pack("<H", chance.choice(_COMMANDS))})


def _uid(said: Said, chance: Random) -> Said:
    return replace(said, command=said.command | {chance.choice((2, 3, 0x1000, 0x1001)): chance.choice(_UIDS)})


_ON_MESSAGES: Sequence[Callable[[Said, Random], Said]] = (
    _data, _data, _data, _data_length, _data_length, _data_presence, _context_id, _fragment_size, _element, _element, _field,
    _uid,
)  # fmt: skip

# ---------------------------------------------------------------------------------------------------------------------- PDUs


def _drop(pieces: Pdus, chance: Random) -> Pdus:
    at = chance.randrange(len(pieces)) if pieces else 0
    return pieces[:at] + pieces[at + 1 :]


def _twice(pieces: Pdus, chance: Random) -> Pdus:
    return [*pieces, chance.choice(pieces)] if pieces else pieces


def _swap(pieces: Pdus, chance: Random) -> Pdus:
    if len(pieces) < 2:
        return pieces
    one, other = chance.sample(range(len(pieces)), 2)
    pieces = list(pieces)
    pieces[one], pieces[other] = pieces[other], pieces[one]
    return pieces


def _strange(pieces: Pdus, chance: Random) -> Pdus:
    kind, size = chance.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 0x41, 0xFF)), chance.choice((0, 1, 3, 4, 5, 68, 500))
    made = abort() if chance.random() < 0.2 else pdu(kind, chance.randbytes(size))
    at = chance.randrange(len(pieces) + 1)
    return [*pieces[:at], made, *pieces[at:]]


def _lie(pieces: Pdus, chance: Random) -> Pdus:
    """A PDU or one of its items says another length."""
    if not pieces:
        return pieces
    at = chance.randrange(len(pieces))
    piece = bytearray(pieces[at])
    if chance.random() < 0.4 and len(piece) >= 6:
        place, form = 2, ">I"
    elif len(piece) > 80 and piece[0] == ASSOCIATE_RQ:
        place, form = chance.randrange(74, len(piece) - 4), ">H"
    elif len(piece) >= 10:
        place, form = 6, ">I"
    else:
        return pieces
    (old,) = struct.unpack_from(form, piece, place)
    most = 2 ** (8 * struct.calcsize(form)) - 1
    struct.pack_into(
        form, piece, place, chance.choice([*(n for n in _INTERESTING if n <= most), (old + chance.choice((-1, 1))) & most])
    )
    return [*pieces[:at], bytes(piece), *pieces[at + 1 :]]


def _control(pieces: Pdus, chance: Random) -> Pdus:
    """A fragment's context or message control header."""
    found = [n for n, piece in enumerate(pieces) if piece[:1] == b"\4" and len(piece) >= 12]
    if not found:
        return pieces
    at = chance.choice(found)
    piece = bytearray(pieces[at])
    piece[chance.choice((10, 11, 11))] = chance.choice((0, 1, 2, 3, 3, 5, 7, 255))
    return [*pieces[:at], bytes(piece), *pieces[at + 1 :]]


def _join(pieces: Pdus, chance: Random) -> Pdus:
    """Two P-DATA PDUs as one."""
    found = [n for n in range(len(pieces) - 1) if pieces[n][:1] == b"\4" and pieces[n + 1][:1] == b"\4"]
    if not found:
        return pieces
    at = chance.choice(found)
    return [*pieces[:at], pdu(4, pieces[at][6:] + pieces[at + 1][6:]), *pieces[at + 2 :]]


def _inside(pieces: Pdus, chance: Random) -> Pdus:
    """Bytes of one PDU, under a length that is true."""
    if not pieces:
        return pieces
    at = chance.randrange(len(pieces))
    piece = pieces[at]
    return [*pieces[:at], pdu(piece[0] if piece else 1, broken(piece[6:], chance)), *pieces[at + 1 :]]


_ON_PDUS: Sequence[Callable[[Pdus, Random], Pdus]] = (
    _drop,
    _twice,
    _swap,
    _strange,
    _lie,
    _lie,
    _control,
    _control,
    _join,
    _inside,
)

# --------------------------------------------------------------------------------------------------------------------- bytes


def broken(data: bytes, chance: Random, start: int = 0) -> bytes:
    """Some bytes of ``data`` from ``start`` on flipped, overwritten, doubled, taken out or cut off."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(start, len(changed)) if start < len(changed) else len(changed)
        how = chance.randrange(7)
        if how == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            changed[at : at + 4] = struct.pack(chance.choice("<>") + "I", chance.choice(_INTERESTING))
        elif how == 2:
            changed[at : at + 2] = struct.pack(chance.choice("<>") + "H", chance.choice(_INTERESTING) & 0xFFFF)
        elif how == 3:
            del changed[at : at + chance.choice((1, 2, 8, 100))]
        elif how == 4:
            changed[at:at] = chance.randbytes(chance.choice((1, 2, 8, 100)))
        elif how == 5:
            changed[at:at] = changed[at : at + chance.choice((8, 100, 1000))] * chance.choice((1, 1, 20))
        elif chance.random() < 0.3:
            del changed[at:]
    return bytes(changed)
