package files

import (
	"errors"
	"io"

	"github.com/parquet-go/parquet-go"
)

// columnInts reads a column of integers.
func columnInts(in file, name string) (list []int64, err error) {
	size, err := in.Size()
	if err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(in, size)
	if err != nil {
		return nil, err
	}
	leaf, ok := f.Schema().Lookup(name)
	if !ok {
		return nil, errors.New("no such column")
	}
	for _, group := range f.RowGroups() {
		pages := group.ColumnChunks()[leaf.ColumnIndex].Pages()
		defer pages.Close()
		for {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			values := make([]parquet.Value, page.NumValues())
			n, err := page.Values().ReadValues(values)
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			for _, v := range values[:n] {
				list = append(list, v.Int64())
			}
		}
	}
	return list, nil
}
