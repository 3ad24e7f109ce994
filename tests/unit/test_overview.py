"""Pages of the report, without a workflow and without a browser."""

import pandas as pd
import pytest

from isal.study import pages
from isal.workflow import overview

NOTE = "Reconstructed."
PICTURE = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


@pytest.fixture
def front(tmp_path):
    """``front(0.3, 0.001)`` is the first page where the grids' best points are so much above the best splits."""

    def page(*above):
        curves = {
            "study": [f"study_{number}" for number in range(len(above))],
            "network": [f"7{letter}" for letter in "abcd"[: len(above)]],
            "clock": "synchronous",
            "scheme": "step-by-step-held",
            "traversal over exact": above,
        }
        pd.DataFrame(curves).to_csv(tmp_path / "splits.csv", index=False)
        (tmp_path / "map.svg").write_bytes(PICTURE)
        return overview.page([], tmp_path / "splits.csv", {"Maps & more": tmp_path / "map.svg"}, NOTE)

    return page


def test_a_coarse_grid_is_warned_of_by_its_study(front):
    page = front(0.004, 0.27, 0.02)
    assert "<strong>The grid is coarse.</strong> In 2 of 3 curves its best point is more than 1 % above" in page
    assert "by up to 27 % (7b, synchronous, step-by-step-held)" in page.replace("\n", " ")
    assert "study 1, study 2." in page
    assert "study 0" not in page


def test_a_fine_grid_is_said_to_be_fine(front):
    page = front(0.004, -1e-9)
    assert "coarse" not in page
    assert "In all 2 curves the best point of the grid is within 1 % of the best split." in page


def test_the_page_holds_its_pictures_and_the_note(front):
    page = front(0.0)
    assert '<img alt="Maps &amp; more" src="data:image/svg+xml;base64,PHN2' in page
    assert f"<p>{NOTE}</p>" in page
    assert "Verdicts" not in page  # where there are no findings


def test_a_page_has_one_heading_of_its_own_or_its_title():
    table = "| a | b |\n| --- | --- |\n| x < y | 2 |\n"
    page = pages.rendered(table, "Points & splits")
    assert "<h1>Points &amp; splits</h1>" in page
    assert "<title>Points &amp; splits</title>" in page
    assert '<div class="table"><table>' in page
    assert "<td>x &lt; y</td>" in page
    assert pages.rendered(f"# Findings\n\n{table}", "Other").count("<h1>") == 1
