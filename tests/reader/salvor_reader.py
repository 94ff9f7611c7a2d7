#!/usr/bin/python3
"""Reads a Salvor repository in a folder without any code of Salvor's.

Written from docs/repository-format.md alone. Needs python3-cryptography and python3-zstandard.

  salvor_reader.py REPO [KEY] backups
  salvor_reader.py REPO [KEY] restore BACKUP DIR [--tablespace OID=DIR]...
  salvor_reader.py REPO [KEY] wal CLUSTER NAME FILE

KEY: --key-file FILE | --passphrase-file FILE | --private-key-file FILE (hex); none for a plain
repository. Links are made as they were stored; --tablespace puts a tablespace elsewhere.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import struct
import sys

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CHUNK = 32768
ZERO_NONCE = bytes(12)
ZERO_ID = bytes(20)


class Damaged(Exception):
    pass


def require(condition, words):
    if not condition:
        raise Damaged(words)


def hkdf(key, salt, info):
    return HKDF(hashes.SHA256(), 32, salt or None, info).derive(key)


def gcm_open(key, nonce, aad, sealed, words):
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        raise Damaged(words + " does not open") from None


def public_of(private):
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def decode(codec, data, size):
    if codec == 1:
        data = zstandard.ZstdDecompressor().decompress(data, max_output_size=max(size, 1))
    require(len(data) == size, "content of another length")
    return data


class Fields:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        require(self.at + count <= len(self.data), "cut short")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, code):
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def text(self):
        return self.take(self.number("H"))

    def end(self):
        return self.at == len(self.data)


class Repository:
    def __init__(self, folder, unlock):
        self.folder = folder
        info = json.loads(self.read("salvor.json"))
        require(info["format"] == 1, "repository format %s" % info["format"])
        self.id = info["id"]
        self.encrypted = info["encryption"] != "none"
        if not self.encrypted:
            self.id_key = bytes.fromhex(info["idKey"])
            return
        require(info["encryption"] == "aes-256-gcm", "encryption " + info["encryption"])
        for name in sorted(os.listdir(os.path.join(folder, "keys"))):
            payload = self.open_slot(json.loads(self.read("keys/" + name)), unlock)
            if payload is not None:
                break
        else:
            sys.exit("the key does not open the repository")
        master, private = payload[:32], payload[32:]
        self.id_key = hkdf(master, b"", b"salvor id v1")
        self.metadata_key = hkdf(master, b"", b"salvor metadata v1")
        self.private = X25519PrivateKey.from_private_bytes(private)
        self.public = public_of(self.private)

    def read(self, key):
        with open(os.path.join(self.folder, key), "rb") as file:
            return file.read()

    def keys(self, prefix):
        found = []
        for root, _, names in os.walk(os.path.join(self.folder, prefix)):
            found += [os.path.relpath(os.path.join(root, name), self.folder) for name in names]
        return sorted(found)

    def open_slot(self, slot, unlock):
        kind, secret = unlock
        if slot["format"] != 1 or slot["kind"] != kind or slot["access"] != "reader":
            return None
        kdf = slot["kdf"]
        if kind == "passphrase":
            key = Scrypt(bytes.fromhex(kdf["salt"]), 32, kdf["n"], kdf["r"], kdf["p"]).derive(secret)
        elif kind == "key-file":
            key = hkdf(secret, bytes.fromhex(kdf["salt"]), b"salvor slot key-file v1")
        else:
            private = X25519PrivateKey.from_private_bytes(secret)
            ephemeral = bytes.fromhex(kdf["ephemeral"])
            shared = private.exchange(X25519PublicKey.from_public_bytes(ephemeral))
            key = hkdf(shared, ephemeral + public_of(private), b"salvor slot x25519 v1")
        aad = b"\0".join([b"salvor slot v1", self.id.encode(), slot["id"].encode(),
                          slot["access"].encode(), kind.encode()])
        try:
            return AESGCM(key).decrypt(ZERO_NONCE, bytes.fromhex(slot["sealed"]), aad)
        except InvalidTag:
            return None

    def scope_key(self, purpose, cluster, number):
        return hkdf(self.id_key, b"", purpose + b"\0" + cluster.encode() + b"\0"
                    + struct.pack("<I", number))

    def sealed(self, kind, key):
        data = self.read(key)
        magic, version, mode, zero = struct.unpack("<8sBBH", data[:12])
        require(magic == b"SLVRSEAL" and version == 1 and zero == 0, key + " is no sealed object")
        require((mode == 1) == self.encrypted, key + " is sealed in another way")
        aad, body = data[:12] + key.encode(), data[12:]
        if mode == 1:
            seal_key = hkdf(self.metadata_key, body[:16], b"salvor sealed v1 " + kind)
            content = gcm_open(seal_key, ZERO_NONCE, aad, body[16:], key)
        else:
            content = body[:-32]
            require(hashlib.sha256(aad + content).digest() == body[-32:], key + " has changed")
        codec, size = struct.unpack("<BI", content[:5])
        return decode(codec, content[5:], size)

    def blob_key(self, data):
        """Kind, length of the header and the key of the pack or WAL object."""
        _, version, kind, wrap, zero, length = struct.unpack("<8sBBBBH", data[:14])
        require(version == 1 and zero == 0, "header of another version")
        wrapped = data[14:14 + length]
        if not self.encrypted:
            require(wrap == 0 and length == 0, "sealed in a plain repository")
            return kind, 14, None
        if wrap == 2:
            return kind, 14 + length, hkdf(self.metadata_key, wrapped, b"salvor pack metadata v1")
        require(wrap == 1 and length == 80, "not sealed in an encrypted repository")
        ephemeral = wrapped[:32]
        shared = self.private.exchange(X25519PublicKey.from_public_bytes(ephemeral))
        key = hkdf(shared, ephemeral + self.public, b"salvor pack x25519 v1")
        return kind, 14 + length, gcm_open(key, ZERO_NONCE, data[:14], wrapped[32:], "wrapped key")

    def backups(self):
        found = []
        for key in self.keys("backups"):
            content = json.loads(self.sealed(b"backup", key))
            require(content["format"] == 1, key + " has another format")
            found.append((key.split("/")[1], key.split("/")[2], content))
        return found


class Chunks:
    """The chunks of one incarnation, found by reading every pack's own directory."""

    def __init__(self, repository, cluster, number):
        self.repository = repository
        self.places, self.packs, self.cache = {}, {}, {}
        self.id_keys = {1: repository.scope_key(b"chunk", cluster, number),
                        2: repository.scope_key(b"tree", cluster, number)}
        for key in repository.keys("packs/%s/%d" % (cluster, number)):
            self.add_pack(key)

    def add_pack(self, key):
        data = self.repository.read(key)
        require(hashlib.sha256(data).hexdigest()[:40] == key.split("/")[-1], key + " has changed")
        require(data[:8] == b"SLVRPACK", key + " is no pack")
        offset, length, magic = struct.unpack("<QQ8s", data[-24:])
        require(magic == b"SLVRPEND", key + " does not end as a pack")
        kind, header, pack_key = self.repository.blob_key(data)
        stored = data[offset:offset + length]
        if self.repository.encrypted:
            directory_key = hkdf(self.repository.metadata_key, data[14:header],
                                 b"salvor directory v1")
            entries = gcm_open(directory_key, ZERO_NONCE, data[:header], stored, key)
        else:
            entries = stored[:-32]
            require(hashlib.sha256(data[:header] + entries).digest() == stored[-32:],
                    key + " has another directory")
        fields = Fields(entries)
        position = header
        for number in range(fields.number("I")):
            begin = fields.at
            stored_size, plain_size, codec, count = (fields.number(c) for c in "IIBH")
            chunks = [(fields.take(20), fields.number("I")) for _ in range(count)]
            frame = (key, kind, number, pack_key, position, stored_size, plain_size, codec,
                     entries[begin:fields.at])
            at = 0
            for chunk, size in chunks:
                self.places.setdefault(chunk, (frame, at, size))
                at += size
            position += stored_size
        require(fields.end() and position == offset, key + " has a wrong directory")

    def frame(self, frame):
        key, kind, number, pack_key, position, stored_size, plain_size, codec, entry = frame
        if (key, number) not in self.cache:
            with open(os.path.join(self.repository.folder, key), "rb") as file:
                file.seek(position)
                data = file.read(stored_size)
            if pack_key is not None:
                aad = struct.pack("<BI", kind, number) + entry
                data = gcm_open(pack_key, struct.pack("<QI", number, 0), aad, data, key)
            self.cache = {(key, number): decode(codec, data, plain_size)}
        return self.cache[(key, number)]

    def get(self, chunk):
        require(chunk in self.places, "chunk %s is in no pack" % chunk.hex())
        frame, at, size = self.places[chunk]
        data = self.frame(frame)[at:at + size]
        digest = hmac.new(self.id_keys[frame[1]], data, hashlib.sha256).digest()[:20]
        require(digest == chunk, "chunk %s has other bytes" % chunk.hex())
        return data

    def file_chunk(self, chunk, size):
        data = bytes(size) if chunk == ZERO_ID else self.get(chunk)
        require(len(data) == size, "chunk of another length")
        return data


def tree(chunks, segments):
    for segment in segments:
        fields = Fields(chunks.get(bytes.fromhex(segment)))
        require(fields.number("B") == 1, "tree segment of another version")
        for _ in range(fields.number("I")):
            entry = {"path": fields.text(), "kind": fields.number("B"),
                     "mode": fields.number("I"), "owner": fields.text(), "group": fields.text(),
                     "modified": fields.number("q"), "size": fields.number("Q"),
                     "crc": fields.number("I"), "target": fields.text()}
            count = fields.number("I")
            if count <= 256:
                entry["chunks"] = [fields.take(20) for _ in range(count)]
            else:
                lists = [fields.take(20) for _ in range((count + 255) // 256)]
                ids = b"".join(chunks.get(each) for each in lists)
                require(len(ids) == 20 * count, "list of another length")
                entry["chunks"] = [ids[i:i + 20] for i in range(0, len(ids), 20)]
            yield entry
        require(fields.end(), "tree segment with bytes left over")


def restore(repository, name, folder, tablespaces):
    for cluster, backup_id, content in repository.backups():
        if backup_id == name:
            break
    else:
        sys.exit("no backup " + name)
    incarnation = int(content["backup"]["incarnation"]["number"])
    chunks = Chunks(repository, cluster, incarnation)
    root = os.fsencode(folder)
    os.makedirs(root, exist_ok=True)
    for oid, place in tablespaces.items():
        os.makedirs(place, exist_ok=True)
        os.makedirs(os.path.join(root, b"pg_tblspc"), exist_ok=True)
        os.symlink(place, os.path.join(root, b"pg_tblspc", oid))
    directories = []
    for entry in tree(chunks, content["tree"]):
        path = entry["path"]
        require(b".." not in path.split(b"/"), "path that leads out")
        # Extra files from elsewhere on the server come back beside the data directory.
        place = os.path.join(root + b".extra", path[1:]) if path.startswith(b"/") \
            else os.path.join(root, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if entry["kind"] == 2:
            os.makedirs(place, exist_ok=True)
            directories.append((place, entry["mode"]))
        elif entry["kind"] == 3:
            if path.split(b"/")[-1] not in tablespaces or not path.startswith(b"pg_tblspc/"):
                os.symlink(entry["target"], place)
        else:
            with open(place, "wb") as file:
                left = entry["size"]
                for chunk in entry["chunks"]:
                    file.write(chunks.file_chunk(chunk, min(CHUNK, left)))
                    left -= min(CHUNK, left)
                require(left == 0, "file with too few chunks")
            os.chmod(place, entry["mode"] & 0o7777)
            os.utime(place, ns=(entry["modified"] * 1000, entry["modified"] * 1000))
    for place, mode in reversed(directories):
        os.chmod(place, mode & 0o7777)


def read_wal_object(repository, key, name, system_identifier):
    data = repository.read(key)
    require(data[:8] == b"SLVRWALO", key + " is no WAL object")
    kind, at, object_key = repository.blob_key(data)
    require(kind == 3, key + " is no WAL object")
    plain, number = b"", 0
    while True:
        plain_size, stored_size, codec = struct.unpack("<IIB", data[at:at + 9])
        header, stored = data[at:at + 9], data[at + 9:at + 9 + stored_size]
        require(len(stored) == stored_size, key + " is cut short")
        at += 9 + stored_size
        last = at == len(data)
        if object_key is not None:
            aad = struct.pack("<IB", number, last) + header \
                + struct.pack("<QI", system_identifier, int(name[:8], 16)) + name.encode()
            stored = gcm_open(object_key, struct.pack("<QI", number, 0), aad, stored, key)
        plain += decode(codec, stored, plain_size)
        number += 1
        if last:
            return plain


def check_hash(repository, incarnation, name, key, data):
    wal_key = repository.scope_key(b"wal", incarnation["cluster"], int(incarnation["number"]))
    digest = hmac.new(wal_key, b"wal\0" + name.encode() + b"\0" + data, hashlib.sha256).hexdigest()
    require(digest[:16] == key.rsplit("-", 1)[1], name + " has other bytes")


def read_pieces(repository, incarnation, segment):
    """A begun segment, filled up with zeros."""
    folder = "pieces/%s/%s/%s/%s" % (incarnation["cluster"], incarnation["number"], segment[:8],
                                     segment[:16])
    data, end = bytearray(int(incarnation["segmentSize"])), 0
    pieces = []
    for key in repository.keys(folder):
        name = key.split("/")[-1].rsplit("-", 1)[0]
        if name.startswith(segment + ".partial."):
            begin, to = (int(each, 16) for each in name[33:].split("-"))
            pieces.append((begin, to, name, key))
    for begin, to, name, key in sorted(pieces):
        require(begin <= end, "a piece of %s is missing before %s" % (segment, key))
        part = read_wal_object(repository, key, name, int(incarnation["systemIdentifier"]))
        check_hash(repository, incarnation, name, key, part)
        require(len(part) == to - begin, key + " has another length")
        common = max(0, min(end, to) - begin)
        require(data[begin:begin + common] == part[:common], key + " contradicts another piece")
        data[begin:to] = part
        end = max(end, to)
    require(end > 0, "no object for " + segment)
    return bytes(data)


def read_wal(repository, cluster, name, destination):
    number = max(int(key.split("/")[-1]) for key in repository.keys("clusters/" + cluster))
    incarnation = json.loads(repository.sealed(b"incarnation", "clusters/%s/%d" % (cluster, number)))
    base = "wal/%s/%d/" % (cluster, number)
    is_segment = len(name) == 24
    folder = base + (name[:8] + "/" + name[:16] if is_segment else "files")
    found = [key for key in repository.keys(folder) if key.rsplit("-", 1)[0] == folder + "/" + name]
    require(len(found) < 2, "%d objects for %s" % (len(found), name))
    require(found or is_segment, "no object for " + name)
    if not found:
        data = read_pieces(repository, incarnation, name)
    elif is_segment or name.endswith(".partial"):
        data = read_wal_object(repository, found[0], name, int(incarnation["systemIdentifier"]))
    else:
        data = repository.sealed(b"wal-file", found[0])
    if found:
        check_hash(repository, incarnation, name, found[0], data)
    with open(destination, "wb") as file:
        file.write(data)


def unlock_of(arguments):
    def content(path):
        with open(path, "rb") as file:
            return file.read()
    if arguments.key_file:
        return "key-file", base64.b64decode(content(arguments.key_file).strip())
    if arguments.passphrase_file:
        return "passphrase", content(arguments.passphrase_file).rstrip(b"\n")
    if arguments.private_key_file:
        return "x25519", bytes.fromhex(content(arguments.private_key_file).decode().strip())
    return "none", b""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("repository")
    parser.add_argument("--key-file")
    parser.add_argument("--passphrase-file")
    parser.add_argument("--private-key-file")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("backups")
    command = commands.add_parser("restore")
    command.add_argument("backup")
    command.add_argument("folder")
    command.add_argument("--tablespace", action="append", default=[])
    command = commands.add_parser("wal")
    command.add_argument("cluster")
    command.add_argument("name")
    command.add_argument("file")
    arguments = parser.parse_args()
    repository = Repository(arguments.repository, unlock_of(arguments))
    if arguments.command == "backups":
        for cluster, name, content in repository.backups():
            print(cluster, name, content["backup"]["startedAt"])
    elif arguments.command == "restore":
        tablespaces = {os.fsencode(each.split("=", 1)[0]): os.fsencode(each.split("=", 1)[1])
                       for each in arguments.tablespace}
        restore(repository, arguments.backup, arguments.folder, tablespaces)
    else:
        read_wal(repository, arguments.cluster, arguments.name, arguments.file)


if __name__ == "__main__":
    try:
        main()
    except Damaged as damage:
        sys.exit("damaged: %s" % damage)
