package files

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"inv/processor/forward"
)

// Keys of the footer's metadata.
const (
	metaNext    = "inv.next"     // the offset of the next record
	metaTopicID = "inv.topic_id" // the topic's id
)

const (
	batchRows = 256       // rows that are handed to the library at once
	pageBytes = 256 << 10 // of a column, before compression
)

// record is the root of a schema: unlike parquet.Group it keeps the order of its columns.
type record struct {
	parquet.Group
	fields []parquet.Field
}

func (r record) Fields() []parquet.Field { return r.fields }

type recordField struct {
	parquet.Node
	name string
}

func (f recordField) Name() string { return f.name }

func (f recordField) Value(reflect.Value) reflect.Value {
	panic("rows are written by columns") // needed to read Go values only
}

// newSchema returns the schema of a sink's Parquet files.
func newSchema(fields []field) *parquet.Schema {
	root := record{Group: parquet.Group{}}
	for i := range fields {
		node := fields[i].node()
		root.Group[fields[i].name] = node
		root.fields = append(root.fields, recordField{node, fields[i].name})
	}
	return parquet.NewSchema("record", root)
}

// node is a column's type, as in LogicalTypes.md of the format. Offsets and times have
// small differences. Topic and partition are nearly always the same.
func (f *field) node() parquet.Node {
	var n parquet.Node
	switch f.kind {
	case textField, valueField:
		n = parquet.Encoded(parquet.String(), &parquet.Plain) // which readers of any age know
	case jsonField:
		n = parquet.Encoded(parquet.JSON(), &parquet.Plain)
	case intField:
		n = parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked)
	case partitionField:
		n = parquet.Encoded(parquet.Int(32), &parquet.RLEDictionary)
	case floatField:
		n = parquet.Leaf(parquet.DoubleType)
	case boolField:
		n = parquet.Leaf(parquet.BooleanType)
	case timeField:
		n = parquet.Encoded(parquet.Timestamp(parquet.Millisecond), &parquet.DeltaBinaryPacked)
	case decimalField:
		n = parquet.Decimal(f.scale, f.total, f.decimalType())
	}
	if f.required {
		if f.kind == textField {
			n = parquet.Encoded(n, &parquet.RLEDictionary)
		}
		return n
	}
	return parquet.Optional(n)
}

func (f *field) decimalType() parquet.Type {
	switch {
	case f.total <= 9:
		return parquet.Int32Type
	case f.total <= 18:
		return parquet.Int64Type
	default:
		return parquet.FixedLenByteArrayType(16)
	}
}

// parquetEncoder writes Parquet, by columns.
type parquetEncoder struct {
	w       *parquet.GenericWriter[any]
	rows    *rower
	columns []*parquet.ColumnWriter
	batch   [][]parquet.Value // by column
	out     *spool
}

func newParquetEncoder(out *spool, schema *parquet.Schema, rows *rower, topicID string, codec *codec) *parquetEncoder {
	w := parquet.NewGenericWriter[any](out, schema,
		parquet.Compression(codec),
		parquet.DataPageVersion(1), // the one that every reader knows
		parquet.PageBufferSize(pageBytes),
		parquet.WriteBufferSize(0),
		parquet.KeyValueMetadata(metaTopicID, topicID),
	)
	e := &parquetEncoder{w: w, rows: rows, columns: w.ColumnWriters(), out: out}
	e.batch = make([][]parquet.Value, len(e.columns))
	for i := range e.batch {
		e.batch[i] = make([]parquet.Value, 0, batchRows)
	}
	return e
}

func (e *parquetEncoder) add(r *forward.Record) error {
	cells, err := e.rows.row(r)
	if err != nil {
		return err
	}
	for i := range cells {
		e.batch[i] = append(e.batch[i], e.value(i, &cells[i]))
	}
	if len(e.batch[0]) == batchRows {
		return e.settle()
	}
	return nil
}

// value returns a cell as a value of a column.
func (e *parquetEncoder) value(i int, c *cell) (v parquet.Value) {
	f := &e.rows.fields[i]
	if c.null {
		return v.Level(0, 0, i)
	}
	switch f.kind {
	case textField, valueField, jsonField:
		v = parquet.ByteArrayValue(c.bytes)
	case intField, timeField:
		v = parquet.Int64Value(c.int)
	case partitionField:
		v = parquet.Int32Value(int32(c.int))
	case floatField:
		v = parquet.DoubleValue(c.float)
	case boolField:
		v = parquet.BooleanValue(c.int == 1)
	case decimalField:
		v = e.decimal(f, c.dec)
	}
	if f.required {
		return v.Level(0, 0, i)
	}
	return v.Level(0, 1, i)
}

func (e *parquetEncoder) decimal(f *field, d decimal) parquet.Value {
	switch {
	case f.total <= 9:
		return parquet.Int32Value(int32(d.int64()))
	case f.total <= 18:
		return parquet.Int64Value(d.int64())
	}
	start := len(e.rows.arena)
	e.rows.arena = d.appendBigEndian(e.rows.arena)
	return parquet.FixedLenByteArrayValue(e.rows.arena[start:])
}

func (e *parquetEncoder) settle() error {
	for i, values := range e.batch {
		if len(values) == 0 {
			break
		}
		if _, err := e.columns[i].WriteRowValues(values); err != nil {
			return err
		}
		clear(values)
		e.batch[i] = values[:0]
	}
	e.rows.reset()
	return nil
}

// held is the row group's compressed pages, and the beginnings of the next ones.
func (e *parquetEncoder) held() int64 { return e.w.Size() - e.out.size() }

// release ends the row group.
func (e *parquetEncoder) release() error {
	return e.w.Flush()
}

func (e *parquetEncoder) finish(next int64) error {
	e.w.SetKeyValueMetadata(metaNext, strconv.FormatInt(next, 10))
	return e.w.Close()
}

// checkParquet reads the footer of a file that was just written, and returns its rows and the offset of the next
// record.
func checkParquet(in file) (rows, next int64, err error) {
	size, err := in.Size()
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		if p := recover(); p != nil { // of the library, on what the disk made of it
			err = fmt.Errorf("its footer is damaged: %v", p)
		}
	}()
	f, err := parquet.OpenFile(in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return 0, 0, err
	}
	text, ok := f.Lookup(metaNext)
	next, err = strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || next < 0 {
		return 0, 0, errors.New("its footer has no " + metaNext)
	}
	return f.NumRows(), next, nil
}

// maxFooterBytes is more than the footer of any file of inv has.
const maxFooterBytes = 16 << 20

// parquetNext returns the offset of the next record that a file names, which may be
// anything: the library would allocate what lengths in a footer ask for. It looks for the
// key and the value of the metadata, as Thrift's compact protocol has them.
func parquetNext(in file) (int64, error) {
	size, err := in.Size()
	if err != nil {
		return 0, err
	}
	var tail [8]byte // the footer's length, and the magic
	if size < 12 {
		return 0, errNoFooter
	}
	if _, err := in.ReadAt(tail[:], size-8); err != nil {
		return 0, err
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	if string(tail[4:]) != "PAR1" || length > min(size-12, maxFooterBytes) {
		return 0, errNoFooter
	}
	footer := make([]byte, length)
	if _, err := in.ReadAt(footer, size-8-length); err != nil {
		return 0, err
	}
	const text = "\x18" // the header of the next field, of bytes; their length follows
	_, rest, ok := bytes.Cut(footer, []byte(text+string(rune(len(metaNext)))+metaNext+text))
	if !ok || len(rest) == 0 || int(rest[0]) >= len(rest) {
		return 0, errors.New("its footer has no " + metaNext)
	}
	next, err := strconv.ParseUint(string(rest[1:][:rest[0]]), 10, 63)
	if err != nil {
		return 0, errors.New("its footer has no " + metaNext)
	}
	return int64(next), nil
}

var errNoFooter = errors.New("it has no footer of Parquet")
