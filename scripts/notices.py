#!/usr/bin/env python3
"""Says what of others' work the products link, under which licences, with the notices that have to travel with it.

    notices.py --check          what lint asks: every linked crate has a licence that is accepted, and the hand-written lists are of
                                the V8 and the Rust at hand
    notices.py PACKAGE          THIRD-PARTY-NOTICES.txt of what that package of the workspace links, to the standard output

Crates speak for themselves: their own licence files, or the text in third_party/licenses where they ship none. For what is no crate
there are third_party/v8/NOTICES.txt and third_party/rust/NOTICES.txt, written by hand. The same sources give the same bytes.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
THIRD_PARTY = ROOT / "third_party"
PRODUCTS = ["nano-ffi", "nano-node", "nano-python", "nanod"]

# Permissive ones, and MPL-2.0, which asks only that the sources of its files can be had: they are taken unchanged, and the notices say
# from where.
ACCEPTED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}

NOTICE_FILE = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
# Code has names like these, too.
NOT_A_NOTICE = {".rs", ".c", ".h", ".cc", ".py", ".toml", ".json", ".sh"}
# What some crates offer beside a licence that is accepted.
NOT_CHOSEN = re.compile(r"gpl", re.IGNORECASE)
NOT_LINKED = {"benches", "examples", "fuzz", "test", "tests", "target"}


class Unclear(Exception):
    """Something that a person must decide; says what, and what to do."""


def alternatives(expression):
    """The sets of licences that an SPDX expression lets one choose from, in its order. `/` is how crates wrote OR before."""
    tokens = re.findall(r"[()]|[A-Za-z0-9.+-]+", expression.replace("/", " OR "))
    at = 0

    def peek():
        return tokens[at] if at < len(tokens) else None

    def take():
        nonlocal at
        token = peek()
        if token is None:
            raise Unclear(f"the licence expression {expression!r} ends too early")
        at += 1
        return token

    def either():
        found = both()
        while peek() == "OR":
            take()
            found = found + both()
        return found

    def both():
        found = one()
        while peek() == "AND":
            take()
            right = one()
            found = [a | b for a in found for b in right]
        return found

    def one():
        token = take()
        if token == "(":
            found = either()
            if take() != ")":
                raise Unclear(f"the licence expression {expression!r} misses a bracket")
            return found
        if token in {")", "AND", "OR", "WITH"}:
            raise Unclear(f"the licence expression {expression!r} is none")
        if peek() == "WITH":
            take()
            token = f"{token} WITH {take()}"
        return [frozenset([token])]

    found = either()
    if peek() is not None:
        raise Unclear(f"the licence expression {expression!r} is none")
    return found


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def linked(packages):
    """The crates of others in what cargo builds of these packages for this machine: no development, build or macro crates."""
    arguments = [argument for package in packages for argument in ("-p", package)]
    tree = cargo("tree", "--locked", *arguments, "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}")
    names = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    host = next(line.split()[1] for line in subprocess.check_output(["rustc", "-vV"], text=True).splitlines() if line.startswith("host:"))
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", host))
    crates = [one for one in metadata["packages"] if one["source"] and (one["name"], "v" + one["version"]) in names]
    return sorted(crates, key=lambda one: (one["name"].lower(), one["version"]))


def clean(text):
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").replace("\f", "").split("\n")).strip("\n")


def own_texts(crate):
    """What is in the crate's own licence and notice files, in the order of their paths."""
    folder = Path(crate["manifest_path"]).parent
    files = {folder / crate["license_file"]} if crate["license_file"] else set()
    waiting = [folder]
    while waiting:
        for entry in waiting.pop().iterdir():
            if entry.is_dir():
                if entry.name.lower() not in NOT_LINKED and not entry.is_symlink():
                    waiting.append(entry)
            elif NOTICE_FILE.match(entry.name) and entry.suffix.lower() not in NOT_A_NOTICE and not NOT_CHOSEN.search(entry.name):
                files.add(entry)
    texts = [clean(file.read_text(encoding="utf-8", errors="replace")) for file in sorted(files) if file.is_file()]
    return [text for text in texts if text]


def standard_texts(crate, choice):
    """The standard texts for a crate that ships none, in the name of its authors."""
    authors = ", ".join(re.sub(r" *<[^>]*>", "", author) for author in crate["authors"])
    holders = authors or f"the authors of {crate['repository'] or crate['name']}"
    texts = []
    for licence in sorted(choice):
        file = THIRD_PARTY / "licenses" / f"{licence}.txt"
        texts.append(clean(file.read_text(encoding="utf-8")).replace("<holders>", holders))
    return texts


def notices_of(crate):
    """The texts that travel with a crate; Unclear if its licence is not accepted or has no text."""
    name = f"{crate['name']} {crate['version']}"
    expression = crate["license"]
    if not expression:
        raise Unclear(f"{name} names no licence: read its licence file, and take another crate if it has none")
    choices = [choice for choice in alternatives(expression) if choice <= ACCEPTED]
    if not choices:
        raise Unclear(
            f"{name} is under {expression}, which scripts/notices.py does not accept: read the licence; "
            "add it to ACCEPTED if what it asks is done by passing its text on, or take another crate"
        )
    texts = own_texts(crate)
    if texts:
        return texts
    for choice in choices:
        if all((THIRD_PARTY / "licenses" / f"{licence}.txt").is_file() for licence in choice):
            return standard_texts(crate, choice)
    raise Unclear(f"{name} ships no licence file: add the standard text of {expression} to third_party/licenses")


def hand_written():
    """The lists that no crate can speak for, and what is wrong with them."""
    v8 = (THIRD_PARTY / "v8" / "NOTICES.txt").read_text(encoding="utf-8")
    rust = (THIRD_PARTY / "rust" / "NOTICES.txt").read_text(encoding="utf-8")
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    sums = (THIRD_PARTY / "v8" / "SHA256SUMS").read_text(encoding="utf-8")
    wanted = [
        ("v8", v8, "Written for crate: v8 " + re.search(r'name = "v8"\nversion = "([^"]+)"', lock)[1]),
        ("v8", v8, "Written for archive: " + re.search(r"^([0-9a-f]{64}) +\S+\.a\.gz$", sums, re.MULTILINE)[1]),
        ("rust", rust, "Written for Rust " + re.search(r'rust-version = "([^"]+)"', (ROOT / "Cargo.toml").read_text())[1]),
    ]
    wrong = [
        f"third_party/{where}/NOTICES.txt does not say {line!r}: look through what is linked now (its README or its head says how), "
        "correct the list, then that line"
        for where, text, line in wanted
        if line not in text.splitlines()
    ]
    return v8, rust, wrong


RULE = "=" * 100


def head(title):
    return f"{RULE}\n{title}\n{RULE}\n"


def document(package):
    v8, rust, _ = hand_written()
    crates = linked([package])
    # By what the text says, however it is broken into lines: most crates' copies of one licence differ in nothing else.
    numbers, texts, users, listing = {}, [], [], []
    for crate in crates:
        title = f"{crate['name']} {crate['version']}"
        mine = []
        for text in notices_of(crate):
            key = " ".join(text.split())
            if key not in numbers:
                numbers[key] = len(texts)
                texts.append(text)
                users.append([])
            if numbers[key] not in mine:
                mine.append(numbers[key])
                users[numbers[key]].append(title)
        authors = ", ".join(crate["authors"])
        listing.append(f"{title}\n    Licence: {crate['license']}")
        if authors:
            listing.append(f"    Authors: {authors}")
        if crate["repository"]:
            listing.append(f"    Source: {crate['repository']}")
        listing.append("    Texts: " + ", ".join(str(number + 1) for number in mine))
    parts = [
        head(
            "THIRD-PARTY NOTICES\n\n"
            "NANO is under MIT or Apache-2.0, as you like. Its binaries hold work of others, under licences of their own:\n"
            f"1. {len(crates)} crates of Rust, with the C libraries inside them, among these AWS-LC (aws-lc-sys);\n"
            "2. the texts of their licences;\n"
            "3. V8 and what its static library holds, among this ICU with its data;\n"
            "4. Rust's standard library.\n"
            "NANO changes none of it. The sources of each are where it says. Where there is a choice of licences,\n"
            "the permissive one is taken."
        ),
        head("1. Crates"),
        "\n".join(listing) + "\n",
        head("2. Texts of the crates"),
    ]
    for number, text in enumerate(texts):
        parts.append(f"{'-' * 100}\nText {number + 1}, of {', '.join(users[number])}\n{'-' * 100}\n\n{text}\n")
    parts += [head("3. V8"), v8, head("4. Rust's standard library"), rust]
    return "\n".join(parts)


def check():
    wrong = hand_written()[2]
    for crate in linked(PRODUCTS):
        try:
            notices_of(crate)
        except Unclear as unclear:
            wrong.append(str(unclear))
    for line in wrong:
        print(f"licences: {line}", file=sys.stderr)
    return 1 if wrong else 0


def main(arguments):
    if arguments == ["--check"]:
        return check()
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        sys.stdout.buffer.write(document(arguments[0]).encode())
    except Unclear as unclear:
        print(f"licences: {unclear}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
