"""Random histories of git: merges that take from either side, renames, crossed clocks, files of several line ends."""

import random
import subprocess
from pathlib import Path

_WORDS = {letter: [*(f"{letter}{number}: {letter * 2}" for number in range(6)), "", "  - x"] for letter in "abcdef"}
_File = tuple[str, list[str]]
_Tree = dict[str, _File]


def write_history(folder: Path, seed: int) -> None:
    """Make a repository whose history hangs on the seed alone, and check its last commit out."""
    history = _History(random.Random(seed))
    stream = history.stream(history.chance.randint(8, 40))
    for words, said in (
        (("init", "-q", "-b", "main", "."), b""),
        (("fast-import", "--quiet", "--force"), stream.encode()),
        (("reset", "-q", "--hard"), b""),
    ):
        subprocess.run(["git", *words], cwd=folder, input=said, check=True, capture_output=True)


class _History:
    def __init__(self, chance: random.Random) -> None:
        self.chance, self._trees, self._fresh = chance, list[_Tree](), 0

    def stream(self, commits: int) -> str:
        """What `git fast-import` reads."""
        return "".join(map(self._commit, range(commits))) + f"reset refs/heads/main\nfrom :{commits}\n\n"

    def _commit(self, number: int) -> str:
        chance = self.chance
        count = 0 if not number or chance.random() < 0.02 else chance.choices([1, 2, 3], [0.65, 0.3, 0.05])[0]
        near = range(max(0, number - 6), number)
        parents = chance.sample(near, min(count, len(near)))
        tree = self._merged(parents) if parents else {f"{letter}.yml": self._new(letter, 25) for letter in "abc"}
        if parents:
            self._change(tree, number)
        self._trees.append(tree)
        time = 1_700_000_000 + number * 10 + chance.choice([0, 0, 0, -500, 500])
        who = f"A{number} <a@example.org> {time} +0000"
        head = f"commit refs/heads/c{number}\nmark :{number + 1}\nauthor {who}\ncommitter {who}\ndata 1\nx\n"
        links = "".join(f"{'merge' if place else 'from'} :{one + 1}\n" for place, one in enumerate(parents))
        return head + links + "deleteall\n" + "".join(self._file(name, *file) for name, file in tree.items())

    def _merged(self, parents: list[int]) -> _Tree:
        """Every file from the first parent, from another, or the begin of one and the end of the other."""
        tree: _Tree = {}
        trees = [self._trees[parent] for parent in parents]
        for name in sorted({name for each in trees for name in each}):
            have = [each[name] for each in trees if name in each]
            chance = self.chance.random()
            tree[name] = have[0] if chance < 0.3 else self.chance.choice(have)
            if chance > 0.8 and len(have) > 1:
                (letter, one), (_, other) = have[:2]
                cut = self.chance.randint(0, min(len(one), len(other)))
                tree[name] = (letter, one[:cut] + other[cut:])
        return tree

    def _change(self, tree: _Tree, number: int) -> None:
        chance = self.chance
        for name in list(tree):
            if chance.random() < 0.4:
                tree[name] = self._edited(*tree[name])
        if chance.random() < 0.2 and tree:
            tree[chance.choice(["x/", "y/", "z "]) + f"{number}.yml"] = tree.pop(chance.choice(sorted(tree)))
        if chance.random() < 0.05 and len(tree) > 1:
            del tree[chance.choice(sorted(tree))]
        if chance.random() < 0.05:
            tree[f"new{number}.yml"] = self._new(chance.choice("def"), 9)

    def _edited(self, letter: str, lines: list[str]) -> _File:
        lines = list(lines)
        for _ in range(self.chance.randint(1, 4)):
            place, kind = self.chance.randint(0, len(lines)), self.chance.random()
            if kind < 0.4 or not lines:
                lines.insert(place, self._line(letter))
            elif kind < 0.7:
                lines[place % len(lines)] = self._line(letter)
            else:
                del lines[place % len(lines)]
        return letter, lines

    def _new(self, letter: str, most: int) -> _File:
        return letter, [self._line(letter) for _ in range(self.chance.randint(3, most))]

    def _line(self, letter: str) -> str:
        """A line that stands nowhere else, or one of a few that do."""
        self._fresh += 1
        return (
            f"{letter}-{self._fresh}: {letter * 8}"
            if self.chance.random() < 0.5
            else self.chance.choice(_WORDS[letter])
        )

    def _file(self, name: str, letter: str, lines: list[str]) -> str:
        end = "\r\n" if letter == "c" else "\n"
        text = end.join(lines) + (end if self.chance.random() < 0.7 else "")
        return f'M 100644 inline "{name}"\ndata {len(text.encode())}\n{text}\n'
