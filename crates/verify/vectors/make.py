#!/usr/bin/env python3
"""Makes the vectors again that stand beside this file, from book.jsonl, with the TEST seeds.

Independent of Quipu: RFC 6962's definitions, and `cryptography` to sign (pip install cryptography).
"""

import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = pathlib.Path(__file__).parent
ORIGIN, WITNESS = "quipu.example/t/acme", "witness.quipu.example/w1"
COSIGNED_AT = 1735689600


def leaf(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def half(count):
    return 1 << ((count - 1).bit_length() - 1)


def root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = half(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def inclusion(m, leaves):
    if len(leaves) == 1:
        return []
    k = half(len(leaves))
    if m < k:
        return inclusion(m, leaves[:k]) + [root(leaves[k:])]
    return inclusion(m - k, leaves[k:]) + [root(leaves[:k])]


def consistency(m, leaves, whole=True):
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = half(len(leaves))
    if m <= k:
        return consistency(m, leaves[:k], whole) + [root(leaves[k:])]
    return consistency(m - k, leaves[k:], False) + [root(leaves[:k])]


def b64(data):
    return base64.b64encode(data).decode()


class Key:
    def __init__(self, name, kind, seed):
        self.name, self.kind = name, kind
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.blob = bytes([kind]) + self.private.public_key().public_bytes_raw()
        self.id = hashlib.sha256(name.encode() + b"\n" + self.blob).digest()[:4]

    def vkey(self):
        return f"{self.name}+{self.id.hex()}+{b64(self.blob)}"

    def sign(self, text):
        if self.kind == 1:
            return f"\u2014 {self.name} {b64(self.id + self.private.sign(text.encode()))}\n"
        message = f"cosignature/v1\ntime {COSIGNED_AT}\n{text}".encode()
        blob = self.id + COSIGNED_AT.to_bytes(8, "big") + self.private.sign(message)
        return f"\u2014 {self.name} {b64(blob)}\n"


LOG, WITNESS_KEY = Key(ORIGIN, 1, 0), Key(WITNESS, 4, 1)


def checkpoint(leaves, *keys):
    text = f"{ORIGIN}\n{len(leaves)}\n{b64(root(leaves))}\n"
    return text + "\n" + "".join(key.sign(text) for key in keys)


def write(name, text):
    (HERE / name).write_bytes(text.encode() if isinstance(text, str) else text)


def hash_tree():
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
               "606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf(bytes.fromhex(entry)) for entry in entries]
    hexes = lambda hashes: [h.hex() for h in hashes]
    sizes = range(1, len(leaves) + 1)
    vectors = {
        "leaves": entries,
        "roots": hexes(root(leaves[:n]) for n in range(len(leaves) + 1)),
        "inclusion": [{"index": i, "size": n, "path": hexes(inclusion(i, leaves[:n]))}
                      for n in sizes for i in range(n)],
        "consistency": [{"old": m, "new": n, "path": hexes(consistency(m, leaves[:n]))}
                        for n in sizes for m in range(1, n + 1)],
    }
    lines = ",\n".join(
        f'"{name}": [\n' + ",\n".join("  " + json.dumps(item) for item in items) + "\n]"
        for name, items in vectors.items())
    write("hash-tree.json", "{\n" + lines + "\n}\n")
    write("cosigned.checkpoint", checkpoint(leaves, LOG, WITNESS_KEY))


def book():
    lines = (HERE / "book.jsonl").read_bytes().split(b"\n")
    events = [line for line in lines if line.startswith(b'{"position":')]
    leaves = [leaf(event) for event in events]
    old, new = checkpoint(leaves[:150], LOG), checkpoint(leaves, LOG, WITNESS_KEY)
    write("book-150.checkpoint", old)
    write("book-200.checkpoint", new)
    proof = "".join(b64(h) + "\n" for h in inclusion(16, leaves))
    write("event-17.json", events[16])
    write("event-17.tlog-proof", f"c2sp.org/tlog-proof@v1\nindex 16\n{proof}\n{new}")
    proof = "".join(b64(h) + "\n" for h in consistency(150, leaves))
    write("consistency-150-200.tlog-consistency", f"old 150\n{proof}\n{new}")


write("policy", f"log {LOG.vkey()}\nwitness w1 {WITNESS_KEY.vkey()}\nquorum w1\n")
hash_tree()
book()
