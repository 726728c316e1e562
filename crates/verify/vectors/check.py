#!/usr/bin/env python3
"""Checks an export against a checkpoint, and shares nothing with quipu-verify: README.md as a program.

usage: check.py EXPORT [CHECKPOINT VKEY]        exit code 0: holds, 1: does not
"""

import base64
import hashlib
import json
import re
import sys

H = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
LINE = 65535
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{0,5}[1-9]))?Z", re.ASCII)


# Ed25519 as in RFC 8032, 5.1.7: slow, and short enough to be read.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    return ((x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P,
            (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P)


def times(n, point):
    sum_ = (0, 1)
    while n:
        if n & 1:
            sum_ = add(sum_, point)
        point, n = add(point, point), n >> 1
    return sum_


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if x * x % P != xx:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != xx or y >= P or (x == 0 and sign):
        raise ValueError("not a point")
    return (P - x if x & 1 != sign else x, y)


def is_signed(public, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L
    base = point(bytes([0x58]) + bytes([0x66]) * 31)
    return s < L and times(s, base) == add(point(r), times(k, point(public)))


class Tree:
    def __init__(self):
        self.size, self.stack = 0, []

    def push(self, entry):
        height, hash_ = 0, H(b"\0", entry)
        while self.stack and self.stack[-1][0] == height:
            height, hash_ = height + 1, H(b"\1", self.stack.pop()[1], hash_)
        self.stack.append((height, hash_))
        self.size += 1

    def root(self):
        if not self.stack:
            return H()
        *rest, (_, root) = self.stack
        for _, left in reversed(rest):
            root = H(b"\1", left, root)
        return root


def must(condition, what):
    if not condition:
        raise ValueError(what)


def checkpoint(note, vkey):
    """Size and root of a checkpoint that the key's owner signed."""
    name, id_, key = vkey.split("+", 2)
    key = base64.b64decode(key, validate=True)
    must(key[0] == 1 and H(name.encode(), b"\n", key)[:4].hex() == id_, "not a log's key")
    text, signatures = note.decode().rsplit("\n\n", 1)
    text += "\n"
    signed = False
    for line in signatures.splitlines():
        dash, signer, blob = line.split(" ")
        blob = base64.b64decode(blob, validate=True)
        must(dash == "\u2014", "not a signature")
        if signer == name and blob[:4].hex() == id_:
            must(is_signed(key[1:], text.encode(), blob[4:]), "bad signature")
            signed = True
    origin, size, root = text.splitlines()[:3]
    must(signed and origin == name, "not signed by this log")
    return int(size), base64.b64decode(root, validate=True)


def export(lines, checkpoints):
    """Everything that README.md asks of an export; `checkpoints` are roots by size."""
    tree, versions, ids = Tree(), {}, set()
    committed, before, time, text = 0, H(), ("", ""), None
    held = {size for size, root in checkpoints.items() if size == 0 and root == H()}
    header = end = None
    for number, line in enumerate(lines, 1):
        must(line.endswith(b"\n") and end is None, f"line {number}: form")
        line = line[:-1]
        must(len(line) <= LINE, f"line {number}: longer than any event")
        if header is None:
            header = line
        elif line.startswith(b'{"end":'):
            end = line
        elif line.startswith(b'{"commit":'):
            must(tree.size > committed, f"line {number}: no events")
            expected = (f'{{"commit":{{"first_position":{committed + 1},"last_position":{tree.size},'
                        f'"recorded_at":"{text}","prev_root":"{before.hex()}",'
                        f'"root":"{tree.root().hex()}"}}}}')
            must(line == expected.encode(), f"line {number}: {expected} is expected")
            committed, before = tree.size, tree.root()
        else:
            event = json.loads(line.decode())
            stream, id_, text = event["stream"], event["id"], event["recorded_at"]
            now = TIME.fullmatch(text)
            must(event["position"] == tree.size + 1, f"line {number}: position")
            must(event["version"] == versions.get(stream, 0) + 1, f"line {number}: version")
            must(UUID.fullmatch(id_) and id_ not in ids, f"line {number}: id")
            must(now and (now[1], (now[2] or "").ljust(6, "0")) >= time, f"line {number}: time")
            versions[stream] = event["version"]
            ids.add(id_)
            time = (now[1], (now[2] or "").ljust(6, "0"))
            tree.push(line)
            if tree.size in checkpoints:
                must(checkpoints[tree.size] == tree.root(), f"line {number}: not what was signed")
                held.add(tree.size)
    ends = f'"position":{committed},"root":"{before.hex()}"}}'
    must(tree.size == committed and end == f'{{"end":{{{ends}}}'.encode(), "the end is missing")
    must(header == f'{{"quipu_journal":1,{ends}'.encode(), "the first line")
    must(held == set(checkpoints), "it ends before the checkpoint")
    return committed


def main(path, note=None, vkey=None):
    try:
        checkpoints = dict([checkpoint(open(note, "rb").read(), vkey)]) if note else {}
        with open(path, "rb") as lines:
            position = export(lines, checkpoints)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"It does not hold: {error}")
        return 1
    vouched = max(checkpoints, default=0)
    print(f"It holds: {position} events, of which a checkpoint vouches for {vouched}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
