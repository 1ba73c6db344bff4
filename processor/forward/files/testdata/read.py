"""Reads a folder of published files with DuckDB and PyArrow, and prints what it has as JSON."""
import glob, json, sys

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pyarrow.json
import pyarrow.parquet

format, folder = sys.argv[1:]
files = sorted(glob.glob(folder + "/*/*"))
db = duckdb.connect()
db.execute("SET TimeZone='UTC'")

whole = {"_topic": "VARCHAR", "_partition": "INTEGER", "_offset": "BIGINT", "_time": "BIGINT", "_key": "VARCHAR", "value": "VARCHAR"}


def is_whole():
    if format == "parquet":
        return "value" in pyarrow.parquet.read_schema(files[0]).names
    with pa.input_stream(files[0], compression="zstd" if files[0].endswith(".zst") else None) as f:
        return b'"value":' in f.read() if format == "jsonl" else f.read().startswith(b"_topic,_partition,_offset,_time,_key,value\n")


if is_whole():
    time = "_time"
    if format == "parquet":
        source, time = f"read_parquet({files})", "epoch_ms(_time)"
    elif format == "csv":
        source = f"read_csv({files}, header=true, columns={whole}, quote='\"', escape='\"', new_line='\\n', auto_detect=false, delim=',', allow_quoted_nulls=false)"
    else:
        source = f"read_json({files}, format='newline_delimited', columns={whole})"
    row = db.execute(f"""SELECT count(*), sum(_offset), count(_key), count(value), count(_time), max({time}), max(value) FILTER (_offset = 3), count(DISTINCT _topic)
        FROM {source}""").fetchone()
    names = "n offsets keys values times last text topics".split()
    print(json.dumps({"whole": {k: int(v) if hasattr(v, "as_integer_ratio") else v for k, v in zip(names, row)}}))
    sys.exit()

types = {"_partition": "INTEGER", "_offset": "BIGINT", "i": "BIGINT", "f": "DOUBLE", "b": "BOOLEAN", "small": "DECIMAL(5,2)",
         "mid": "DECIMAL(18,4)", "big": "DECIMAL(38,10)", "seen": "BIGINT", "_topic": "VARCHAR", "t": "VARCHAR", "j": "JSON"}
if format == "parquet":
    source = f"read_parquet({files})"
elif format == "csv":
    columns = {k: types[k] for k in ["_topic", "_partition", "_offset", "t", "i", "f", "b", "small", "mid", "big", "seen", "j"]}
    source = f"read_csv({files}, header=true, columns={columns}, quote='\"', escape='\"', new_line='\\n', auto_detect=false, delim=',')"
else:
    source = f"read_json({files}, format='newline_delimited', columns={types})"

seen = "epoch_ms(seen)" if format == "parquet" else "seen"
row = db.execute(f"""SELECT count(*), count(DISTINCT (_topic, _partition, _offset)), sum(_offset), sum(i), sum(f), count(*) FILTER (b),
    sum(small)::VARCHAR, sum(mid)::VARCHAR, sum(big)::VARCHAR, sum({seen}), count(t), max(t), count(j), max(j->>'$.x')
    FROM {source}""").fetchone()
names = "n distinct offsets i f b small mid big seen texts text json x".split()
out = {"duckdb": {k: float(v) if k == "f" else int(v) if hasattr(v, "as_integer_ratio") else v for k, v in zip(names, row)}}
out["types"] = {r[0]: r[1] for r in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}

if format == "parquet":
    table = pa.parquet.ParquetDataset(files).read()
elif format == "csv":
    want = {"small": pa.decimal128(5, 2), "mid": pa.decimal128(18, 4), "big": pa.decimal128(38, 10), "b": pa.bool_(), "t": pa.string(),
            "i": pa.int64(), "f": pa.float64(), "seen": pa.int64(), "j": pa.string()}
    read = [pa.csv.read_csv(f, parse_options=pa.csv.ParseOptions(newlines_in_values=True),
                            convert_options=pa.csv.ConvertOptions(column_types=want, strings_can_be_null=True, quoted_strings_can_be_null=False)) for f in files]
    table = pa.concat_tables(read)
else:
    def lines(f):
        return pa.input_stream(f, compression="zstd" if f.endswith(".zst") else None).read()
    rows = [json.loads(l) for f in files for l in lines(f).splitlines()]
    out["python"] = {"n": len(rows), "offsets": sum(r["_offset"] for r in rows), "i": sum(r["i"] or 0 for r in rows)}
    schema = pa.schema([("_topic", pa.string()), ("_partition", pa.int32()), ("_offset", pa.int64()), ("t", pa.string()), ("i", pa.int64()),
                        ("f", pa.float64()), ("b", pa.bool_()), ("seen", pa.int64())])
    read = [pa.json.read_json(pa.input_stream(f, compression="zstd" if f.endswith(".zst") else None),
                              parse_options=pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")) for f in files]
    table = pa.concat_tables(read)

def total(name):
    s = pc.sum(table[name]).as_py() if name in table.column_names else None
    return s if s is None or isinstance(s, (int, float)) else str(s)

out["arrow"] = {"n": table.num_rows, "offsets": total("_offset"), "i": total("i"), "f": total("f"),
                "texts": table.num_rows - table["t"].null_count, "small": total("small"), "mid": total("mid"), "big": total("big")}
out["arrow_types"] = {f.name: str(f.type) for f in table.schema}
print(json.dumps(out))
