"""Point records and datasets."""

import fcntl
import itertools
import json
import os
import sys

import netCDF4
import numpy as np
import pytest
import xarray as xr
from builders import INTEGRATED, dataset_of, point_of, stored, write_record
from conventions import broken_in

import isal
from isal.study import files
from isal.study.axes import NAMED
from isal.study.fingerprint import digest
from isal.study.store import datasets, provenance, records, storage
from isal.study.store.records import Records
from isal.validation import links

ONE, TWO = map(digest, ("one", "two"))


@pytest.fixture(scope="module")
def point():
    return point_of()


@pytest.fixture(scope="module")
def result(point):
    return point.solve()


@pytest.fixture
def path(tmp_path, point, result):
    path = tmp_path / "e2300-7700.nc"
    write_record(path, point, ONE, result)
    return path


def test_a_record_holds_what_was_solved(path, point, result):
    record = records.read(path, ONE)
    assert record.arrays["speb"] == [result.speb]
    assert record.arrays["lower_bound"] == [result.result.greedy_lower_bound]
    np.testing.assert_array_equal(record.arrays["power"][0], result.slots[0].power)
    np.testing.assert_array_equal(record.arrays["energy"], [[2.3, 7.7]])
    (shape,) = record.shapes
    assert shape.steps == ("radars", "targets")
    assert shape.nodes == ("radar 1", "radar 2", "anchor 1", "anchor 2")
    assert record.curves == (point.curve_json,)
    assert record.solvers == ("interior-point",)


def test_a_record_describes_itself(path):
    with netCDF4.Dataset(path) as file:
        assert file.Conventions.startswith("CF-")
        for name, variable in file.variables.items():
            assert variable.long_name, name
            plain = ("link_t", "link_r", "status", "proof", "step_slot", *records.TOLD_BY_NUMBER)
            assert name.startswith(plain) or variable.units, name
        assert file["status"].flag_meanings == "optimal local uncertified"


def test_the_link_snr_of_a_record_is_that_of_the_link_budget(path, point):
    record = records.read(path)
    arrays = record.arrays
    transmitter, receiver, target = record.shapes[0].links
    link = next(number for number, ends in enumerate(zip(transmitter, target, strict=True)) if ends == (0, -1))
    positions = point.slots[0].nodes
    distance = np.linalg.norm(positions[0] - positions[receiver[link]])
    power = arrays["power"][0, 1, 0]
    wavelength = 299_792_458.0 / 77e9
    received = power * 10 * 10 * (wavelength / (4 * np.pi * distance)) ** 2 / 10**0.3
    noise = 10 ** (-174 / 10) * 1e-3 * 500e6
    assert arrays["link_snr"][0, 1, link] == pytest.approx(received / noise, rel=1e-12)


def test_a_record_says_what_usable_links_carry(path, result):
    """With one pulse 7c has no usable sensing link, so that its target is undetermined."""
    arrays = records.read(path, ONE).arrays
    (found,) = links.usable_links([result.slots])
    assert arrays["threshold_snr"] == [found.threshold]
    assert arrays["usable_share"] == [found.share] == [[pytest.approx(0.053, abs=0.001)]]
    assert arrays["pulses_needed"] == [found.pulses] == [[251]]
    assert arrays["usable_speb"] == [[np.inf]]
    with netCDF4.Dataset(path) as file:
        assert "infinite where these leave it undetermined" in file["usable_speb"].long_name
        assert file["usable_speb"].dimensions == ("point", "slot")


def test_no_half_written_record_is_left_behind(tmp_path, point, result, monkeypatch):
    """Writing breaks off after the first variables."""
    incomplete = Records.of([point], [result], [ONE])
    del incomplete.arrays["power"]
    monkeypatch.setattr(records, "_digest", lambda *_: "")
    with pytest.raises(KeyError):
        records.write(tmp_path / "x.nc", incomplete, ONE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "empty", "noise", "altered", "missing"])
def test_a_damaged_record_is_named_and_never_believed(path, point, damage):
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "noise":
        path.write_bytes(b"\x07" * len(content))
    elif damage == "altered":
        with netCDF4.Dataset(path, "a") as file:
            file["speb"][0] *= 1 + 1e-12
    else:
        path.unlink()
    with pytest.raises(records.RecordError, match=r"e2300-7700\.nc.*run snakemake again"):
        records.read(path)
    assert records.fingerprint_of(path) is None
    assert not records.holds(path, ONE)


def test_a_record_of_something_else_is_refused(path):
    with pytest.raises(records.RecordError, match="was solved for another configuration"):
        records.read(path, TWO)
    assert records.holds(path, ONE)
    assert not records.holds(path, TWO)


def test_a_record_says_what_it_was_made_with(path):
    """Without a look at its content, which would tell that it is damaged."""
    assert records.fingerprint_of(path) == ONE
    assert (records.says(path, ONE), records.says(path, TWO)) == (True, False)
    with netCDF4.Dataset(path, "a") as file:
        file["speb"][0] = 0
    assert records.fingerprint_of(path) is None
    assert records.says(path, ONE)


def test_a_dataset_names_its_axes(tmp_path, point):
    points = {}
    for changes in (
        {},
        {"energies_uj": (7_000_000, 3_000_000)},
        {"scheme": "integrated", "energies_uj": (10_000_000,)},
    ):
        each = point_of(**changes)
        path = tmp_path / f"{each.split}.nc"
        write_record(path, each, digest(each.label))
        points[path] = each, digest(each.label)
    dataset = dataset_of(points, note="Reconstructed.")
    assert dict(dataset.sizes) == {
        "network": 1, "clock": 1, "bandwidth": 1, "scheme": 2, "split": 3, "slot": 1, "step": 2, "node": 4
    }  # fmt: skip
    assert list(dataset.split.values) == ["e2300-7700", "e7000-3000", "e10000"]
    one = dataset.sel(
        network="7c", clock="synchronous", bandwidth=500e6, scheme="step-by-step-held", split="e2300-7700"
    )
    assert float(one.speb) == point.solve().speb
    assert list(one.energy.values) == [2.3, 7.7]
    assert np.isnan(dataset.speb.sel(scheme="integrated", split="e2300-7700")).all()
    assert one.usable_speb.values == [np.inf]
    assert np.isnan(dataset.usable_speb.sel(scheme="integrated", split="e2300-7700")).all()
    assert dataset.attrs["comment"] == "Reconstructed."
    assert dataset.speb.attrs["units"] == "m2"
    storage.write(tmp_path / "s.nc", dataset)
    assert float(storage.read(tmp_path / "s.nc").speb.max()) == float(dataset.speb.max())


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """The path of a study in both clock modes: splits of one, two and three parts, listed out of order."""
    points = [
        point_of(**INTEGRATED),
        point_of(energies_uj=(7_000_000, 3_000_000)),
        point_of(energies_uj=(3_000_000, 7_000_000)),
        *(
            point_of(clock="asynchronous", energies_uj=split)
            for split in ((3_000_000, 200_000, 6_800_000), (3_000_000, 2_000_000, 5_000_000))
        ),
    ]
    folder = tmp_path_factory.mktemp("mixed")
    dataset = dataset_of(stored(points, folder))
    storage.write(folder / "s.nc", dataset)
    return folder / "s.nc"


def test_a_study_is_selected_by_energies(mixed):
    dataset = isal.open_study(mixed)
    assert dataset.step_1_energy.attrs == {"units": "J", "long_name": "energy of step 1"}
    np.testing.assert_array_equal(dataset.step_1_energy, [np.nan, 7, 3, 3, 3])
    np.testing.assert_array_equal(dataset.step_2_energy, [np.nan, 3, 7, 0.2, 2])
    np.testing.assert_array_equal(dataset.step_3_energy, [np.nan] * 3 + [6.8, 5])
    assert list(dataset.sel(step_1_energy=7).split.values.flat) == ["e7000-3000"]
    three = dataset.sel(step_1_energy=3)
    assert list(three.split.values) == ["e3000-7000", "e3000-200-6800", "e3000-2000-5000"]
    one = three.sel(step_2_energy=0.2, clock="asynchronous", scheme="step-by-step-held").squeeze()
    np.testing.assert_array_equal(one.energy, [3, 0.2, 6.8])
    # as it is without the indices
    with xr.open_dataset(mixed) as plain:
        np.testing.assert_array_equal(plain.step_2_energy, dataset.step_2_energy)


def test_a_study_tells_what_is_the_same_in_all_its_points(mixed, point):
    told = isal.open_study(mixed).attrs
    assert json.loads(told["networks"]) == {"7c": [point.slots[0].to_mapping()]}
    settings = json.loads(told["settings"])
    assert (settings["pulses"], settings["radar_cap_w"], settings["anchor_cap_w"]) == (1, "budget", "budget")
    assert (told["solver"], told["tolerance"], told["energy_j"]) == ("interior-point", 1e-6, 10)
    assert told["commit"]
    assert told["source"].startswith("isal ")


def test_attributes_leave_out_what_differs():
    capped = point_of(radar_cap_w=2.0, tolerance=1e-4, radio=isal.Radio(pulses=3))
    told = provenance.of_points([point_of(), capped])
    settings = json.loads(told["settings"])
    assert {"pulses", "radar_cap_w"} & settings.keys() == set()
    assert settings["anchor_cap_w"] == "budget"
    assert "tolerance" not in told
    assert told["solver"] == "interior-point"
    assert json.loads(provenance.of_points([])["networks"]) == {}


def test_status_is_a_flag(mixed):
    with xr.open_dataset(mixed) as dataset:
        status = dataset.status
        assert status.dtype == status.flag_values.dtype == np.int8
        meanings = dict(zip(status.flag_values.tolist(), status.flag_meanings.split(), strict=True))
        assert meanings == {-1: "no_point", 0: "optimal", 1: "local", 2: "uncertified"}
        np.testing.assert_array_equal(status == -1, dataset.speb.isnull())
        assert set(np.unique(status)) == {-1, 0}


def test_numbers_along_an_axis_ascend_or_descend(tmp_path):
    points = [point_of(radio=isal.Radio(bandwidth_hz=bandwidth), **INTEGRATED) for bandwidth in (1e9, 5e6, 5e8)]
    dataset = dataset_of(stored(points, tmp_path))
    assert list(dataset.bandwidth.values) == [5e6, 5e8, 1e9]
    assert dataset.speb.squeeze().values.tolist() == sorted(dataset.speb.squeeze().values, reverse=True)
    descending = dataset_of(stored(points[::2], tmp_path / "descending"))
    assert list(descending.bandwidth.values) == [1e9, 5e8]


def test_the_unit_of_a_logarithmic_axis_is_one_that_udunits_knows():
    assert NAMED["noise_density_dbm_hz"].attributes == {
        "units": "0.1 lg(re 1 mW/Hz)",
        "long_name": "power spectral density N_0 of the thermal noise, dBm/Hz",
    }


def test_many_numbers_are_compressed(tmp_path):
    many = xr.Dataset({"a": ("x", np.arange(10_000.0)), "b": ("y", np.arange(3.0))})
    storage.write(tmp_path / "s.nc", many)
    assert (tmp_path / "s.nc").stat().st_size < many.nbytes
    with netCDF4.Dataset(tmp_path / "s.nc") as file:
        assert (file["a"].filters()["zlib"], file["b"].filters()["zlib"]) == (True, False)
    storage.write(tmp_path / "again.nc", storage.read(tmp_path / "s.nc").isel(x=slice(3)))
    assert storage.read(tmp_path / "again.nc").a.values.tolist() == [0, 1, 2]


def test_a_stored_dataset_keeps_to_the_conventions(mixed):
    assert broken_in(mixed.parent, "s.nc") == {}


def test_what_breaks_the_conventions_is_found(tmp_path):
    """The test above would be worth nothing if the checks found nothing."""
    bad = xr.Dataset(
        {"a": ("x", np.ones(1000), {"units": "1/B2"})},
        coords={"x": [2.0, *np.arange(999.0)]},
        attrs={"Conventions": "CF-1.11"},
    )
    bad.to_netcdf(tmp_path / "bad.nc")
    (told,) = broken_in(tmp_path, "bad.nc").values()
    for expected in (
        'units for a, "1/B2" are not recognized by UDUNITS',
        "The coordinate variable 'x' must not have the _FillValue attribute.",
        "x: a coordinate with a fill value",
        "x: neither ascending nor descending",
        "a: no long_name",
        "a: not compressed",
        "no commit",
    ):
        assert any(expected in each for each in told), (expected, told)


def test_open_study_says_what_is_wrong(tmp_path, monkeypatch):
    with pytest.raises(isal.IsalError, match="there is no such dataset"):
        isal.open_study(tmp_path / "x.nc")
    (tmp_path / "x.nc").write_text("no dataset")
    with pytest.raises(isal.IsalError, match=r"x\.nc: its content is not what was written"):
        isal.open_study(tmp_path / "x.nc")
    with pytest.raises(isal.IsalError, match="not a complete dataset"):
        isal.open_study(tmp_path)
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(isal.IsalError, match=r"open_study needs xarray, which is not installed: pip install"):
        isal.open_study(tmp_path / "x.nc")


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "missing"])
def test_a_damaged_dataset_is_named_and_never_believed(tmp_path, path, point, damage):
    """Reading it would never end for some of these damages."""
    stored = tmp_path / "s.nc"
    storage.write(stored, dataset_of({path: (point, ONE)}))
    content = bytearray(stored.read_bytes())
    content[len(content) // 3] ^= 1
    if damage == "missing":
        stored.unlink()
    else:
        stored.write_bytes({"cut": content[:1000], "empty": b"", "flipped": content}[damage])
    with pytest.raises(storage.DatasetError, match=r"s\.nc.*run snakemake again"):
        storage.read(stored)


def test_a_dataset_tells_what_it_was_made_with(tmp_path, path, point):
    """And is one like any for others, for all that stands at its end."""
    dataset = dataset_of({path: (point, ONE)})
    stored = tmp_path / "s.nc"
    storage.write(stored, dataset, ONE)
    assert storage.fingerprint_of(stored) == ONE
    assert (storage.says(stored, ONE), storage.says(stored, TWO)) == (True, False)
    assert (storage.there(stored, ONE), storage.there(stored, TWO)) == (True, False)
    with netCDF4.Dataset(stored) as file:
        assert float(file["speb"][...].squeeze()) == float(dataset.speb.squeeze())
    dataset.to_netcdf(stored)
    assert storage.fingerprint_of(stored) is None
    assert not storage.says(stored, ONE)
    assert not storage.there(stored, ONE)
    with pytest.raises(storage.DatasetError, match="its content is not what was written"):
        storage.read(stored)


def test_a_dataset_with_a_damaged_seal_is_none_that_is_asked_for(tmp_path):
    """Bits of the fingerprint and of the digest of the content, of every place in a byte."""
    stored = tmp_path / "s.nc"
    storage.write(stored, datasets.xr.Dataset(), ONE)
    content = stored.read_bytes()
    fingerprint, digest_of_content = content.index(ONE.encode()), len(content) - 65
    for start, bit in itertools.product((fingerprint, digest_of_content), range(0, 64 * 8, 5)):
        damaged = bytearray(content)
        damaged[start + bit // 8] ^= 1 << bit % 8
        stored.write_bytes(damaged)
        assert storage.fingerprint_of(stored) != ONE


def test_a_dataset_is_read_where_hdf5_gets_no_lock(tmp_path, path, point):
    """As on some network file systems; here as another process has it."""
    stored = tmp_path / "s.nc"
    storage.write(stored, dataset_of({path: (point, ONE)}))
    with stored.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            netCDF4.Dataset(stored).close()
        except OSError:
            pass
        else:
            pytest.skip("HDF5 asks for no locks here")
        assert float(storage.read(stored).speb.max()) == records.read(path).arrays["speb"][0]


def test_a_dataset_of_before_an_edit_is_there_again_when_the_edit_is_taken_back(tmp_path):
    stored, kept = tmp_path / "s.nc", files.earlier(tmp_path / "s.nc")

    def write(fingerprint):
        storage.write(stored, datasets.xr.Dataset(attrs={"made": fingerprint}), fingerprint)

    def wanted(fingerprint):
        storage.set_aside(stored, fingerprint)
        return storage.there(stored, fingerprint)

    write(ONE)
    assert wanted(ONE)
    assert not wanted(TWO)
    assert not stored.exists()
    # taken back before anything was made
    assert wanted(ONE)
    assert not wanted(TWO)
    write(TWO)
    for fingerprint in (ONE, TWO, ONE):
        assert wanted(fingerprint)
        assert storage.read(stored).made == fingerprint
        assert kept.exists()
    # what is damaged is not there, wherever it is
    kept.write_bytes(kept.read_bytes()[:-1000])
    assert not wanted(TWO)
    kept.unlink()
    stored.write_bytes(b"")
    assert not storage.there(stored, ONE)


def test_all_bad_records_are_named_at_once(tmp_path, path, point):
    with pytest.raises(records.RecordError, match=r"(?s)a\.nc.*run snakemake again\n.*b\.nc.*run snakemake again"):
        dataset_of(dict.fromkeys((path, tmp_path / "a.nc", tmp_path / "b.nc"), (point, ONE)))


def test_a_record_that_does_not_hold_is_set_aside(path):
    records.set_aside(path, ONE)
    assert path.exists()
    records.set_aside(path, TWO)
    assert not path.exists()
    assert records.holds(files.earlier(path), ONE)
    # and is put back if it holds again
    records.set_aside(path, ONE)
    assert not path.exists()
    files.earlier(path).replace(path)
    path.write_bytes(path.read_bytes()[:100])
    records.set_aside(path, ONE)
    assert not path.exists()
    assert not files.earlier(path).exists()
    records.set_aside(path, ONE)  # nothing there


def test_a_record_of_before_an_edit_is_exchanged_for_that_of_the_edit(path, point, result):
    records.set_aside(path, TWO)
    write_record(path, point, TWO, result)
    os.utime(files.earlier(path), (0, 0))
    for wanted, other in ((ONE, TWO), (TWO, ONE)):
        records.set_aside(path, wanted)
        assert records.holds(path, wanted)
        assert records.holds(files.earlier(path), other)
        assert path.stat().st_mtime > 0  # newer than what was made of the other
    # one that is damaged does not take the place of a sound one
    path.write_bytes(path.read_bytes()[:100])
    records.set_aside(path, ONE)
    assert records.holds(path, ONE)
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name]


def test_a_record_of_two_slots_tells_them_apart(tmp_path):
    point = point_of(slots=point_of().slots * 2, energies_uj=(4_000_000, 6_000_000))
    result = point.solve()
    write_record(tmp_path / "two.nc", point, ONE, result)
    record = records.read(tmp_path / "two.nc", ONE)
    arrays, (shape,) = record.arrays, record.shapes
    assert shape.step_slot == (1, 1, 2, 2)
    assert shape.steps == ("radars", "targets") * 2
    np.testing.assert_allclose(arrays["slot_energy"], [[4, 6]])
    assert arrays["speb"][0] == result.speb == pytest.approx(arrays["target_speb"].sum(), rel=1e-12)
    assert (arrays["smoothed_target_speb"] <= arrays["target_speb"]).all()
    assert arrays["smoothed_target_speb"][0, 0] < arrays["target_speb"][0, 0]
    dataset = dataset_of({tmp_path / "two.nc": (point, ONE)})
    assert dict(dataset.target_speb.sizes)["slot"] == 2


def test_a_dataset_refuses_a_stale_record(path, point):
    with pytest.raises(records.RecordError, match="was solved for another configuration"):
        dataset_of({path: (point, TWO)})
