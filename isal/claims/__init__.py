"""The statements of the paper, each judged by numbers.

:mod:`samples` holds the networks that statements are judged on and says which of them a statement is about,
:mod:`statement` says what a statement is and words its verdict, :mod:`statements` has one object per statement,
:mod:`sensitivity` compares the variants, :mod:`sections` says what a reader should know beyond the statements, and
:mod:`page` puts everything on one page.

To add a statement, write a class like those in :mod:`statements` and put it into ``STATEMENTS`` at the end of that
module. The page, the table of variants and the figure of that table take it from there.
"""
