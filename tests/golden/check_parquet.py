#!/usr/bin/env python3
"""Prints the schema and the rows of a Parquet file as pyarrow reads it, as JSON.

    python tests/golden/check_parquet.py FILE
"""
import json
import sys

import pyarrow.parquet


def main():
    table = pyarrow.parquet.read_table(sys.argv[1])
    schema = {field.name: str(field.type) for field in table.schema}
    metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    json.dump({"schema": schema, "metadata": metadata, "rows": table.to_pylist()}, sys.stdout)


if __name__ == "__main__":
    main()
