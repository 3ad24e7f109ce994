"""Every public name has an example that prints what it says, and every public function says what it returns."""

import doctest
import inspect

import pytest

import isal

PUBLIC = sorted(name for name in isal.__all__ if name != "__version__")


def test_the_public_names_are_those_of_the_stub():
    assert {"integrated", "Network", "IsalError"} <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_an_example_that_holds(name):
    public = getattr(isal, name)
    (test,) = doctest.DocTestFinder(recurse=False).find(public, name)
    assert test.examples
    said = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert not failed, "".join(said)


@pytest.mark.parametrize("name", [name for name in PUBLIC if inspect.isfunction(getattr(isal, name))])
def test_a_public_function_says_what_it_returns(name):
    assert "\nReturns\n-------\n" in inspect.getdoc(getattr(isal, name))
