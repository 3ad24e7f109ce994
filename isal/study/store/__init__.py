"""The only place where NetCDF is written: ``records`` holds one point each, ``datasets`` a whole study.

``storage`` stores what has axes: datasets, findings, comparisons.
"""
