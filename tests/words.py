#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""tests/words.py FILE...: the phrases that CONTRIBUTING.md (Words) replaces, in string literals of C and in headers.

Prints FILE:LINE, the phrase, what to write and the text around; exit status 1 if there are any. Of a header all is
read (it is a manual), of a .c file only its string literals, joined as the compiler joins them.
"""
import re
import sys

# A phrase (words as they are, whatever their case) and what to write. Only what misleads where it stands: terms of
# the field are none of these (a sensor's family, a proof, a part number, `at least`).
PHRASES = [(re.compile(phrase, re.I), instead) for phrase, instead in [
    (r"\b(says?|said|tells?|told|telling|unsaid)\b", "reports, logs, sends; suppressed"),
    (r"\b(last|own|his|its|their|server's|node's) words?\b", "message, text"),
    (r"\banew\b", "again, re-open, re-create"),
    (r"\b(is|are|was|were|be|being) looked for\b", "probing, searching"),
    (r"\b(heed(s|ed|ing)?|bears?|bore|(dis|un)?believe[sd]?)\b", "obey, tolerate, accept, reject"),
    (r"\b(nobody|somebody|no one|whoever)\b", "no client, the peer, the sender"),
    (r"\bwho sends\b", "the sender"),
    (r"\bis (now )?there(?=[.,;:)\"]|$)", "ready, exists"),
    (r": ends$", "exiting, shutting down"),
    (r"\b(goes|go|went) on as before\b", "keeps the old configuration"),
    (r"\bas before$", "unchanged"),
    (r"\b(holds?|held|holding) up\b", "delay"),
    (r"\b(waits?|waited|waiting) out\b", "wait for the rest of"),
    (r"\bsooner\b", "earlier, earliest"),
    (r"\b(?<!at )(?<!the )least\b", "min"),
    (r"\bpatien(t|ce)\b|(?<=_)patience|patience(?=_)", "timeout"),
    (r"\bburn(s|t|ed)?\b|burnt(?=_)", "lost, skipped sequence number"),
    (r"\bsettl(e|es|ed|ing)\b", "drain, draining"),
    (r"\black(s|ed|ing)?\b|(?<=_)lacks\b", "missing, missing rights"),
    (r"\bstruct (asked|ear|family)\b|\blast_words?\b|\bbe_worker\b|\bround_of\b|\bsigned_(?=[^a-z])", "see the table"),
    (r"\b(hears?|heard|ears?)\b", "receive, listener"),
    (r"\bolder program\b", "the legacy client"),
    (r"\blaws?\b", "rule"),
    (r"\bhalf as (fast|much|many|slow) again\b", "50 % faster, 50 % more"),
]]
# Comments, strings and characters, whichever begins first.
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def texts(path):
    """(line, text) of what is read of a file."""
    source = open(path).read()
    if path.endswith(".h"):
        for number, paragraph in paragraphs(source):
            yield number, paragraph
        return
    begin, literal = None, ""
    end = 0
    for token in TOKEN.finditer(source):
        is_string = token.group().startswith('"')
        if begin is not None and (not is_string or source[end:token.start()].strip() != ""):
            yield begin, literal
            begin, literal = None, ""
        if is_string and not source[:token.start()].rstrip(" ").endswith("#include"):
            begin = source.count("\n", 0, token.start()) + 1 if begin is None else begin
            literal += re.sub(r"\\[nt]", " ", token.group()[1:-1])
            end = token.end()
    if begin is not None:
        yield begin, literal


def paragraphs(source):
    """A header's comments, their lines joined, and its code line by line."""
    at = 0
    for comment in re.finditer(r"/\*.*?\*/", source, re.S):
        yield from code(source, at, comment.start())
        yield source.count("\n", 0, comment.start()) + 1, re.sub(r"\s+(\* ?)?", " ", comment.group())
        at = comment.end()
    yield from code(source, at, len(source))


def code(source, begin, end):
    first = source.count("\n", 0, begin) + 1
    for number, line in enumerate(source[begin:end].split("\n"), first):
        yield number, line


def main(paths):
    found = 0
    for path in paths:
        for line, text in texts(path):
            for phrase, instead in PHRASES:
                for match in phrase.finditer(text):
                    found += 1
                    around = text[max(0, match.start() - 40):match.end() + 40].strip()
                    print(f"{path}:{line}: \"{match.group()}\": write {instead}: ... {around} ...")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
