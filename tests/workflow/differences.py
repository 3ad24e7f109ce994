"""What a change makes again, from the fingerprints of the plans before and after it: no file is looked at."""

from __future__ import annotations

from isal.workflow.plan import Plan
from isal.workflow.products import KINDS, Product

Found = dict[str, list[str]]

#: Kinds of record files.
RECORDS = ("Record", "FindingsRecords")


def own(before: Plan | None, after: Plan) -> Found:
    """Names by kind of the results that are new or whose own fingerprint has changed.

    ``Record`` are record files of studies, ``FindingsRecords`` those of what the findings are made from. What is made
    from them is made again, too, see :func:`remade`.
    """
    known, found = (_fingerprints(plan) if plan else {} for plan in (before, after))
    again: Found = {}
    for (kind, name), (files, fingerprint) in found.items():
        earlier, was = known.get((kind, name), ([], ""))
        if fingerprint != was or not set(files) <= set(earlier):
            again.setdefault(kind, []).append(name)
    return again


def remade(before: Plan, after: Plan) -> Found:
    """Files that are made again, or for the first time, by kind."""
    changed = own(before, after)
    found = {kind: changed.get(kind, []) for kind in RECORDS}
    of_findings = {file.name: path for path, file in after.findings_files.items()}
    found[RECORDS[1]] = [of_findings[name] for name in found[RECORDS[1]]]
    again = {path for paths in found.values() for path in paths}
    # each kind comes after those that it is made from
    for name, kind in KINDS.items():
        for product in kind.all(after):
            if product.name in changed.get(name, []) or again & set(product.inputs):
                again.update(product.outputs)
                found.setdefault(name, []).extend(product.outputs)
    return {name: sorted(paths) for name, paths in found.items() if paths}


def _fingerprints(plan: Plan) -> dict[tuple[str, str], tuple[list[str], str]]:
    """Files and fingerprint of each result, by kind and name."""
    records = {(RECORDS[0], path): ([path], file.fingerprint) for path, file in plan.record_files.items()}
    records |= {(RECORDS[1], file.name): ([path], file.fingerprint) for path, file in plan.findings_files.items()}
    products = (product for kind in KINDS.values() for product in kind.all(plan))
    return records | {(type(each).__name__, each.name): (each.outputs, each.fingerprint) for each in products}


def kinds_of(plan: Plan, module: str) -> list[str]:
    """Kinds of results of which at least one depends on the code of a module."""
    points = (plan.points.values(), plan.findings_pool.points.values())
    found = [
        kind
        for kind, some in zip(RECORDS, points, strict=True)
        if any(module in plan.code.closure(modules) for modules in {point.modules for point in some})
    ]
    return found + [name for name, kind in KINDS.items() if any(module in code_of(each) for each in kind.all(plan))]


def code_of(product: Product) -> frozenset[str]:
    """Modules that a result depends on, by their full names."""
    code = product.plan.code
    return code.closure(code.start(type(product).make, product.loaded))
