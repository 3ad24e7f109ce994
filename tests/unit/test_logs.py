"""Reading logs of exchanges: wraps, late hosts, gaps, what is left out and counted, and messages."""

import numpy as np
import pytest
from synthetic_logs import Link, Run

from isal.validation import log_folder, logs
from isal.validation.logs import TICK_S, MeasurementError

#: The drift of an interval when stamps are whole ticks and nothing else is wrong: four roundings over 0.1 s.
ROUNDING = 2 * TICK_S / 0.0989


def written(tmp_path, **settings):
    """A log as read, and the true k of each of its exchanges."""
    path = tmp_path / "20m.csv"
    _, k = Link(**settings).write(path)
    return logs.read_exchanges(path, settings.get("bits", 32)), k


def naive_drift(log):
    """Drift if host time is believed for each interval alone."""
    residue = (np.diff(log.midpoint) % log.wrap) * TICK_S
    host = np.diff(log.host_s)
    wrap = log.wrap * TICK_S
    change = log.wrapped(np.diff(log.offset_s) / TICK_S) * TICK_S
    return change / (residue + np.round((host - residue) / wrap) * wrap)


class TestWraps:
    @pytest.mark.parametrize("drift", [-2.2e-6, -1e-7, 3e-7, 1.5e-6, 5e-5])
    @pytest.mark.parametrize("bits", [32, 36, 40])
    def test_drift_and_durations(self, tmp_path, drift, bits):
        log, _ = written(tmp_path, drift=drift, bits=bits)
        assert (np.diff(log.stamps, axis=0) < 0).any()  # some counter did start again
        found = logs.intervals(log)
        assert found.duration_s == pytest.approx(0.0989, rel=1e-6)
        assert found.drift == pytest.approx(drift, abs=ROUNDING)
        assert found.left_out == {"counter started anew": 0, "wraps in doubt": 0}
        assert found.lost.sum() == 0

    @pytest.mark.parametrize("drift", [0.0, 1e-9, -2e-8])
    def test_a_drift_too_small_to_count_wraps_leaves_them_to_the_host(self, tmp_path, drift):
        log, _ = written(tmp_path, drift=drift)
        found = logs.intervals(log)
        assert found.duration_s == pytest.approx(0.0989, rel=1e-6)
        assert found.drift == pytest.approx(drift, abs=ROUNDING)

    @pytest.mark.parametrize("drift", [3e-7, 1.5e-6, -2.2e-6])
    def test_a_host_that_falls_behind(self, tmp_path, drift):
        """As in the public data set: 30 lines at 0.143 s each, then 14 exchanges are lost while the host catches up."""
        lost = [*range(30, 44), *range(74, 88)]
        log, _ = written(tmp_path, drift=drift, host="slow", exchanges=118, lost=lost)
        # host time alone is wrong in almost every interval, and by the same factor
        assert np.median(naive_drift(log)) == pytest.approx(drift * 0.0989 / (0.0989 + 2**32 * TICK_S), rel=0.01)
        found = logs.intervals(log)
        usable = np.isfinite(found.duration_s)
        assert usable.sum() >= 87
        assert found.drift[usable] == pytest.approx(drift, abs=ROUNDING)
        assert list(found.lost[found.lost > 0]) == [14, 14]

    def test_jitter_and_wander_do_not_disturb_the_count(self, tmp_path):
        settings = {"jitter": 150e-12, "wander": 5e-9, "host": "slow", "exchanges": 118}
        log, _ = written(tmp_path, lost=[*range(30, 44), *range(74, 88)], **settings)
        found = logs.intervals(log)
        usable = np.isfinite(found.duration_s)
        assert usable.sum() >= 87
        whole = found.duration_s[usable] / 0.0989
        assert whole == pytest.approx(np.round(whole), abs=1e-5)

    def test_gaps_with_a_punctual_host(self, tmp_path):
        lost = [3, 10, 11, 12, 13, *range(30, 70)]
        log, _ = written(tmp_path, lost=lost)
        found = logs.intervals(log)
        assert found.duration_s == pytest.approx(0.0989 * (1 + found.lost), rel=1e-6)
        assert list(found.lost[found.lost > 0]) == [1, 4, 40]

    def test_a_counter_that_starts_anew_is_counted_and_spoils_no_other_interval(self, tmp_path):
        log, _ = written(tmp_path, restart=40)
        found = logs.intervals(log)
        assert found.left_out == {"counter started anew": 1, "wraps in doubt": 0}
        assert np.flatnonzero(np.isnan(found.drift)).tolist() == [39]
        assert np.delete(found.drift, 39) == pytest.approx(1.5e-6, abs=ROUNDING)

    @pytest.mark.parametrize("exchanges", [0, 1, 2])
    def test_logs_of_hardly_any_exchange(self, tmp_path, exchanges):
        log, _ = written(tmp_path, exchanges=exchanges)
        assert len(log) == exchanges
        assert len(logs.intervals(log).drift) == max(exchanges - 1, 0)

    def test_round_trip_and_reply_across_a_wrap(self, tmp_path):
        log, _ = written(tmp_path, drift=0.0, first_ticks=(2.0**31 - 1000, 2.0**31 - 2e7))
        assert log.stamps[0, 3] < log.stamps[0, 0]
        assert log.stamps[0, 2] < log.stamps[0, 1]
        assert log.reply_s == pytest.approx(1.128e-3, abs=2 * TICK_S)
        assert log.round_trip_s - log.reply_s == pytest.approx(2 * 20 / 299_792_458, abs=3 * TICK_S)


class TestLeftOut:
    def test_every_kind_is_counted(self, tmp_path):
        path = tmp_path / "20m.csv"
        Link(exchanges=30).write(path)
        lines = path.read_text().splitlines()
        columns = lines[0].split(",")

        def edited(line, **values):
            cells = line.split(",")
            for name, value in values.items():
                cells[columns.index(name)] = value
            return ",".join(cells)

        lines[3] = edited(lines[3], poll_rx_ts="")
        lines[5] = edited(lines[5], rtd_resp="72000000")
        lines[7] = edited(lines[7], rtd_init="72000000")
        lines[9] = lines[8]
        lines[12:12] = ["", ",,,,,, ,"]
        path.write_text("\n".join(lines) + "\n")
        log = logs.read_exchanges(path)
        assert log.left_out == {
            "empty": 2,
            "no exchange": 2,
            "incomplete": 1,
            "at odds with itself": 2,
            "not later than the line before": 1,
        }
        assert len(log) == 30 - 4
        assert logs.intervals(log).drift == pytest.approx(1.5e-6, abs=ROUNDING)

    def test_only_a_header_is_an_empty_log(self, tmp_path):
        path = tmp_path / "54m.csv"
        Link(exchanges=0).write(path, tail=False)
        assert len(logs.read_exchanges(path)) == 0


class TestForms:
    """What programs and people make of a file."""

    @pytest.fixture
    def written(self, tmp_path):
        path = tmp_path / "20m.csv"
        Link(exchanges=30).write(path)
        return path

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace("\n", "\r\n").encode(),
            lambda text: text.replace("\n", "\r").encode(),
            lambda text: text.encode("utf-8-sig"),
            lambda text: text.encode("utf-16"),
            lambda text: "".join(f"{line},\n" for line in text.splitlines()).encode(),
            lambda text: f"\n\n{text}".encode(),
            lambda text: text.replace(",", " , ").encode(),
            lambda text: "".join(
                ",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in text.splitlines()
            ).encode(),
        ],
        ids=["windows", "old mac", "utf-8 mark", "utf-16", "comma at the end", "lines before", "blanks", "quotes"],
    )
    def test_the_same_log_in_another_form(self, written, change):
        before = logs.read_exchanges(written)
        written.write_bytes(change(written.read_text()))
        after = logs.read_exchanges(written)
        np.testing.assert_array_equal(after.stamps, before.stamps)
        np.testing.assert_array_equal(after.host_s, before.host_s)
        assert after.left_out == before.left_out

    def test_lines_of_text_in_any_letters_and_of_any_length(self, written):
        before = logs.read_exchanges(written)
        with written.open("ab") as file:
            file.write("Mittel \u00b1 Abweichung,20\n".encode("latin-1"))
            file.write(b"Means,1,2,3,4,5,6,7,8,9,10,11\nnothing measured\n\0\0\0\n")
        after = logs.read_exchanges(written)
        np.testing.assert_array_equal(after.stamps, before.stamps)
        assert after.left_out["no exchange"] == before.left_out["no exchange"] + 3
        assert after.left_out["empty"] == before.left_out["empty"] + 1

    def test_a_line_of_more_fields_is_not_trusted(self, written):
        """Which of them stands for which column?"""
        lines = written.read_text().splitlines()
        lines[4] = lines[4].replace(",", ",7,", 1)
        written.write_text("\n".join(lines))
        after = logs.read_exchanges(written)
        assert len(after) == 29
        assert after.left_out["incomplete"] == 1

    def test_a_dynamic_run_in_another_form(self, tmp_path):
        Run(duration=5.0).write(tmp_path)
        before = logs.read_dynamic(tmp_path)
        for path in tmp_path.iterdir():
            text = path.read_text().replace("\n", "\r\n")
            path.unlink()
            path.with_suffix(".CSV" if path.stem == "A1" else ".csv").write_bytes(text.encode("utf-16"))
        (tmp_path / "._A1.csv").write_bytes(b"\0\5\x16\7")  # of a Mac
        after = logs.read_dynamic(tmp_path)
        np.testing.assert_array_equal(after.range_m, before.range_m)
        assert after.anchor_names == before.anchor_names


class TestFolders:
    def test_static_logs_are_found_by_their_names(self, tmp_path):
        for name in (
            "NLOS/height_150.0cm/4m",
            "LOS/height_150.0cm/10m",
            "LOS/height_100.0cm/2.5m",
            "LOS/height_150.0cm/2m",
        ):
            Link(exchanges=5).write(tmp_path / "static" / f"{name}.csv")
        found = logs.read_static(tmp_path)
        assert [(log.series, log.file.distance_m) for log in found] == [
            ("LOS, 100 cm", 2.5),
            ("LOS, 150 cm", 2.0),
            ("LOS, 150 cm", 10.0),
            ("NLOS, 150 cm", 4.0),
        ]

    def test_dynamic_run(self, tmp_path):
        Run(duration=20.0).write(tmp_path / "dynamic" / "walk")
        (folder,) = log_folder.run_folders(tmp_path)
        path = folder / "A1.csv"
        lines = path.read_text().splitlines()
        lines[3] = lines[3].rsplit(",", 1)[0] + ",-1.0"
        lines[5] = lines[4]
        lines[7] = lines[7].rsplit(",", 1)[0] + ","
        path.write_text("\n".join(lines))
        run = logs.read_dynamic(folder)
        assert run.name == "walk"
        assert run.anchor_names == ("A0", "A1", "A2", "A3")
        assert run.anchors_m == pytest.approx(np.array(Run().anchors))
        assert (np.diff(run.time_s) >= 0).all()
        assert run.left_out["no positive range"] == run.left_out["repeated"] == run.left_out["incomplete"] == 1
        assert len(run.time_s) + sum(run.left_out.values()) == 4 * 180
        assert run.reference_at(np.array([1.0, 1e6]))[0] == pytest.approx(Run().track(np.array(1.0)), abs=0.01)
        assert np.isnan(run.reference_at(np.array([1e6]))).all()

    def test_no_dynamic_run(self, tmp_path):
        assert log_folder.run_folders(tmp_path) == []


class TestRefusals:
    def test_missing_folder(self, tmp_path):
        with pytest.raises(MeasurementError, match="static: no such folder; name one with static/"):
            logs.read_static(tmp_path / "nowhere")

    def test_empty_folder(self, tmp_path):
        (tmp_path / "static").mkdir()
        with pytest.raises(MeasurementError, match="no log in it"):
            logs.read_static(tmp_path)

    @pytest.mark.parametrize("name", ["LOS/height_1m/2m", "LOS/height_100cm/near", "fog/height_100cm/2m"])
    def test_a_name_without_distance(self, tmp_path, name):
        Link(exchanges=2).write(tmp_path / "static" / f"{name}.csv")
        with pytest.raises(MeasurementError, match="which tells the true distance"):
            logs.read_static(tmp_path)

    def test_missing_file(self, tmp_path):
        with pytest.raises(MeasurementError, match=r"9m\.csv: no such file"):
            logs.read_exchanges(tmp_path / "9m.csv")

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a,b\n1,2,3\n1,2\n1,2,3,4\n"])
    def test_no_table(self, tmp_path, content):
        (tmp_path / "9m.csv").write_bytes(content)
        with pytest.raises(MeasurementError, match=r"9m\.csv: (not a table|no column)"):
            logs.read_exchanges(tmp_path / "9m.csv")

    def test_missing_columns_are_named(self, tmp_path):
        path = tmp_path / "9m.csv"
        table, _ = Link(exchanges=3).write(path)
        table.drop(columns=["poll_rx_ts", "Distance"]).to_csv(path, index=False)
        with pytest.raises(MeasurementError, match="no column poll_rx_ts, Distance; it has timestamp"):
            logs.read_exchanges(path)

    def test_other_separators_are_named(self, tmp_path):
        path = tmp_path / "9m.csv"
        Link(exchanges=3).write(path)
        path.write_text(path.read_text().replace(",", ";"))
        with pytest.raises(MeasurementError, match="separate fields by commas, and write decimals with a point"):
            logs.read_exchanges(path)

    def test_a_column_twice(self, tmp_path):
        path = tmp_path / "9m.csv"
        table, _ = Link(exchanges=3).write(path)
        path.write_text(table.assign(again=1).to_csv(index=False).replace("again", "Distance"))
        with pytest.raises(MeasurementError, match="the column Distance stands twice"):
            logs.read_exchanges(path)

    @pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
    def test_an_empty_file(self, tmp_path, content):
        (tmp_path / "9m.csv").write_bytes(content)
        with pytest.raises(MeasurementError, match=r"9m\.csv: not a table, it is empty; remove the file"):
            logs.read_exchanges(tmp_path / "9m.csv")

    def test_a_run_whose_name_is_no_part_of_a_path(self, tmp_path):
        (tmp_path / "dynamic/my walk").mkdir(parents=True)
        with pytest.raises(MeasurementError, match="my walk: results have the name of the run; rename it"):
            log_folder.run_folders(tmp_path)

    def test_stamps_of_more_bits(self, tmp_path):
        path = tmp_path / "9m.csv"
        Link(exchanges=3, bits=40, first_ticks=(2.0**38, 0.0)).write(path)
        with pytest.raises(MeasurementError, match="line 2: poll_tx_ts 274877906944 does not fit 32 bits"):
            logs.read_exchanges(path)
        assert len(logs.read_exchanges(path, 40)) == 3

    def test_dynamic_run_without_reference(self, tmp_path):
        Run(duration=5.0).write(tmp_path)
        (tmp_path / "trajectory.csv").unlink()
        with pytest.raises(MeasurementError, match=r"no trajectory\.csv"):
            logs.read_dynamic(tmp_path)

    def test_two_anchors(self, tmp_path):
        Run(duration=5.0, anchors=((0, 0, 0), (1, 0, 0))).write(tmp_path)
        with pytest.raises(MeasurementError, match="2 files of ranges; a position needs at least three anchors"):
            logs.read_dynamic(tmp_path)

    def test_an_anchor_that_moves(self, tmp_path):
        Run(duration=5.0).write(tmp_path)
        path = tmp_path / "A2.csv"
        path.write_text(path.read_text().replace(",2.6,-2.9,", ",2.7,-2.9,", 1))
        with pytest.raises(MeasurementError, match=r"A2\.csv: the anchor's position .* changes"):
            logs.read_dynamic(tmp_path)

    def test_times_in_other_units(self, tmp_path):
        Run(duration=5.0).write(tmp_path)
        path = tmp_path / "trajectory.csv"
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0]] + [f"{i},0,0,0" for i in range(5)]))
        with pytest.raises(MeasurementError, match="no range within the times of"):
            logs.read_dynamic(tmp_path)
