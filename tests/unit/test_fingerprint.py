"""Fingerprints: which code a result depends on, and what of that code counts."""

import ast
import hashlib
import shutil

import pytest
from builders import CODE, INTEGRATED, point_of

from isal.study.fingerprint import PACKAGE, Code, digest

pytestmark = pytest.mark.any_kernel


@pytest.fixture
def code_of(tmp_path):
    """The code of a package of these modules (path -> text), in a folder of its own each time."""
    folders = (tmp_path / str(number) / PACKAGE.name for number in range(1000))

    def written(**modules):
        folder = next(folders)
        for name, text in {"__init__": "", **modules}.items():
            path = folder.joinpath(*name.split("__of__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Code(folder)

    return written


def digest_of(code_of, text):
    return code_of(one=text).digest(["isal.one"])


# --- which modules ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from isal.two import something", {"isal.two"}),
        ("from isal import two", {"isal.two"}),
        ("import isal.two", {"isal.two"}),
        ("import numpy, isal.two as other", {"isal.two"}),
        ("def late():\n    if late:\n        from isal import two", {"isal.two"}),
        ("class A:\n    async def late(self):\n        import isal.two", {"isal.two"}),
        ("try:\n    from isal.two import something\nexcept ImportError:\n    pass", {"isal.two"}),
        ("from isal.folder import three", {"isal.folder", "isal.folder.three"}),
        ("from isal.folder import name_of_the_package", {"isal.folder"}),
        ("from isal.folder.three import something", {"isal.folder", "isal.folder.three"}),
        ("import isal.folder.three", {"isal.folder", "isal.folder.three"}),
        ("from isal import folder", {"isal.folder"}),
        ("if TYPE_CHECKING:\n    from isal import two", set()),
        ("def late():\n    if TYPE_CHECKING:\n        from isal import two", set()),
        (
            "if TYPE_CHECKING:\n    from isal import two\nelse:\n    from isal import folder",
            {"isal.two", "isal.folder"},
        ),
        ("if TYPE_CHECKING or True:\n    from isal import two", {"isal.two"}),
        ("import numpy\nfrom os import path", set()),
        ("from isal import __version__\nimport isal", set()),
        ("import isalabel.two\nfrom two import one", set()),
        ('"""from isal import two"""\n# from isal import two', set()),
        ("from isal.chain import something", {"isal.chain", "isal.folder", "isal.folder.three", "isal.one"}),
    ],
)
def test_the_closure_holds_what_is_imported_wherever_it_is(code_of, text, found):
    code = code_of(
        one=text,
        two="",
        chain="def late():\n    from isal.folder.three import something",
        folder__of____init__="name_of_the_package = 1",
        folder__of__three="from isal.one import something",
    )
    assert code.closure(["isal.one"]) == {"isal.one", *found} == code.closure(["isal.one", *found])


def test_a_module_that_is_not_there_is_noticed(code_of):
    with pytest.raises(FileNotFoundError):
        code_of().digest(["isal.one"])


def test_relative_imports_are_noticed(code_of):
    with pytest.raises(AssertionError, match="imports by full names"):
        code_of(one="from . import two", two="").digest(["isal.one"])


def test_no_module_takes_the_public_names_of_the_package():
    """They are imported when they are used, where no closure sees it."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module == "isal":
                for alias in node.names:
                    assert alias.name == "__version__" or (PACKAGE / alias.name).is_dir(), path
            if isinstance(node, ast.Import):
                assert "isal" not in [alias.name for alias in node.names], path


def test_a_point_depends_on_what_solves_it_and_on_nothing_else():
    found = CODE.closure(point_of(**INTEGRATED).modules)
    used = {"model.network", "allocation.solvers.interior_point", "schemes.integrated", "study.store.records"}
    assert {f"isal.{name}" for name in used} <= found
    solvers, schemes = ("scs_sdp", "cvxpy_paper"), ("step_by_step", "best_split")
    other = [f"allocation.solvers.{name}" for name in solvers] + [f"schemes.{name}" for name in schemes]
    other += ["figures", "claims", "validation.positions", "validation.clocks", "workflow", "study.config"]
    assert not [name for name in found if name.startswith(tuple(f"isal.{each}" for each in other))]


# --- what of a module -------------------------------------------------------------------------------------------------

PLAIN = """
class A:
    def method(self, a: int = 1) -> str:
        return f"{a!r:>{a}}" + "text"
"""

SAME = """
'''What it is.'''
# a comment


if TYPE_CHECKING:
    from isal import two

class A:
    '''A class.'''

    def method(
        self, a: int = 1,  # another
    ) -> str:
        \"\"\"A method.\"\"\"

        return (f'{a!r:>{a}}' + 'text')
"""


def test_comments_docstrings_and_looks_do_not_count(code_of):
    assert digest_of(code_of, SAME) == digest_of(code_of, PLAIN)


@pytest.mark.parametrize("name", ["study/fingerprint", "study/config_keys", "allocation/solvers/interior_point"])
def test_looks_do_not_count_in_the_code_of_this_package(code_of, name):
    text = (PACKAGE / f"{name}.py").read_text(encoding="utf-8")
    told = digest_of(code_of, text)
    assert digest_of(code_of, ast.unparse(ast.parse(text))) == digest_of(code_of, text + "\n# a comment\n") == told


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A:", "B:"),
        ("A:", "A(B):"),
        ("class", "@decorated\nclass"),
        ("def", "async def"),
        ("method", "another"),
        ("self, a", "self, b"),
        ("a: int", "a: float"),
        (": int", ""),
        ("= 1", "= 2"),
        ("= 1", "= 1.0"),
        ("= 1", "= True"),
        ("= 1", "= '1'"),
        (" = 1", ""),
        (" -> str", ""),
        ("!r", ""),
        (":>{a}", ":>{1}"),
        ("+", "-"),
        ("text", "Text"),
        ("return", "yield"),
        ("return", "pass;"),
        ("return ", "return 'text' + "),
    ],
)
def test_all_else_counts(code_of, old, new):
    assert PLAIN.count(old) == 1
    assert digest_of(code_of, PLAIN.replace(old, new)) != digest_of(code_of, PLAIN)


#: Texts of different meaning of the same words, or nearly so.
ALIKE = [
    "if a: b; c", "if a: b\nc", "if a: b\nelse: c", "if a:\n if b: c", "for a in b: c\nelse: d", "for a in b: c; d",
    "try: a\nfinally: b", "try: a\nexcept: b", "try: a\nexcept b: pass", "with a, b: c", "with a as b: c",
    "with a: b; c", "def f(a, b): pass", "def f(a, /, b): pass", "def f(a, *, b): pass", "def f(*, a, b): pass",
    "def f(*a, b): pass", "def f(a, **b): pass", "def f(a, b=None): pass", "def f(*, a=None, b): pass",
    "def f(*, a, b=None): pass", "def f(a: b): pass", "def f(a) -> b: pass", "def f(): return",
    "def f(): return None", "def f(): yield", "f(a, b)", "f(a)(b)", "f((a, b))", "f(a(b))", "f(a, *b)", "f(a, **b)",
    "f(a, b=b)", "f; a; b", "f(a); b", "x = [a, [b]]", "x = [[a], b]", "x = [[a, b]]", "x = (a, b)", "x = {a, b}",
    "x = {a: b}", "x = {**a, **b}", "x = {**a, b: c}", "x = {a: b, **c}", "x = a, = b", "x = a = b", "x = a == b",
    "x, a = b", "x = a[b]", "x = a[b,]", "x = None", "x = 'None'", "x = 'end'", "x = end", "x = ...",
    "x = 'Ellipsis'", "x = b'a'", "x = 'a'", "x = f'a'", "x = 1", "x = 1.0", "x = True", "x = 1j", "x = '1'",
    "x: y = 1", "x: 'y' = 1", "(x): y = 1", "x += 1", "x = a[b:]", "x = a[:b]", "x = a[::b]", "x = lambda: (a, b)",
    "x = (lambda: a, b)", "raise a", "raise a from b", "x = a < b < c", "x = (a < b) < c", "x = a + b + c",
    "x = a + (b + c)", "x = a and b and c", "x = a and (b and c)", "x = [a for b in c if d if e]",
    "x = [a for b in c if d for e in d]", "x = (a for b in c)", "x = {a for b in c}", "x = f'{a}b'", "x = f'{a:b}'",
    "x = f'{a}{b}'", "x = f'{a!r}'", "global a, b", "assert a, b", "global a; global b", "import a, b",
    "import a; import b", "import a as b", "import a.b", "from a import b", "from a import b as c",
]  # fmt: skip


def test_no_two_texts_of_different_meaning_have_the_same_digest(code_of):
    assert len({ast.dump(ast.parse(text)) for text in ALIKE}) == len(ALIKE)
    found = {}
    for text in ALIKE:
        found.setdefault(digest_of(code_of, text), []).append(text)
    assert [texts for texts in found.values() if len(texts) > 1] == []


def test_no_two_packages_of_the_same_texts_have_the_same_digest(code_of):
    """Whether a line ends one module or begins the next one, and which module has which text."""
    texts = [("a\nb", ""), ("a", "b"), ("", "a\nb"), ("b", "a")]
    start = "from isal import one, two"
    digests = {code_of(start=start, one=one, two=two).digest(["isal.start"]) for one, two in texts}
    assert len(digests) == len(texts)
    alike = code_of(one="a", two="a")
    assert alike.digest(["isal.one"]) != alike.digest(["isal.two"])


def test_what_is_imported_counts_with_all_that_it_imports(code_of):
    modules = {"one": "def late():\n    from isal import two", "two": "import isal.three", "three": "x = 1", "four": ""}
    before = code_of(**modules).digest(["isal.one"])
    assert code_of(**modules).digest(["isal.one"]) == before
    assert code_of(**modules | {"four": "x = 1"}).digest(["isal.one"]) == before
    assert code_of(**modules | {"three": "x = 2"}).digest(["isal.one"]) != before
    assert code_of(**modules).digest(["isal.two"]) != before


def test_the_folder_does_not_count(tmp_path):
    elsewhere = tmp_path / "of another name"
    shutil.copytree(PACKAGE, elsewhere, ignore=shutil.ignore_patterns("__pycache__"))
    assert Code(elsewhere).digest(["isal.study.solving"]) == Code().digest(["isal.study.solving"])


# --- what is known, and when files are read ---------------------------------------------------------------------------


def test_known_digests_are_used_and_those_asked_for_become_known(code_of):
    folder = code_of(one="x = 1", two="").folder
    told = {"isal.one isal.two": "told"}
    code = Code(folder, told)
    assert code.digest(["isal.one", "isal.two"]) == "told"
    one = code.digest(("isal.one",))
    assert one == Code(folder).digest(["isal.one"])
    assert code.known == {"isal.one isal.two": "told", "isal.one": one}
    assert told == {"isal.one isal.two": "told"}  # the caller's stays as it is
    assert Code(folder, code.known).known == code.known


def test_files_are_read_once(code_of):
    """Code that is edited during a run counts in the next one."""
    code = code_of(one="x = 1", two="from isal import one")
    before = code.digest(["isal.one"])
    (code.folder / "one.py").write_text("x = 2")
    after = Code(code.folder)
    assert after.digest(["isal.one"]) != before
    assert code.digest(["isal.two"]) != after.digest(["isal.two"])
    code.known.clear()
    assert code.digest(["isal.one"]) == before


# --- functions --------------------------------------------------------------------------------------------------------


class Made:
    def make(self):
        from isal.one import something

        return something


class MadeAlike:
    def make(self):
        """The same."""
        # with a comment
        from isal.one import something

        return something


class MadeOtherwise:
    def make(self):
        from isal.one import something

        return -something


def test_a_function_counts_with_what_it_imports_within_itself(code_of):
    modules = {"one": "from isal import two", "two": "x = 1", "three": "x = 1"}
    code = code_of(**modules)
    assert code.start(Made.make, ["isal.three"]) == ["isal.one", "isal.three"]
    before = code.of(Made.make)
    assert code.of(MadeAlike.make) == before
    assert code.of(MadeOtherwise.make) != before
    assert code_of(**modules | {"two": "x = 2"}).of(Made.make) != before
    # what is imported by names made at run time, where the function says so
    changed = code_of(**modules | {"three": "x = 2"})
    assert changed.of(Made.make) == before
    assert changed.of(Made.make, ["isal.three"]) != code.of(Made.make, ["isal.three"]) != before


def test_the_digest_of_data_is_that_of_its_text():
    data = {"b": [1, 2.5, None], "a": ("x", True)}
    assert digest(data) == hashlib.sha256(b'{"a":["x",true],"b":[1,2.5,null]}').hexdigest()
    assert digest(["ab", "c"]) != digest(["a", "bc"])
