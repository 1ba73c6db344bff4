package scenario

import "testing"

func TestFieldPositions(t *testing.T) {
	s, err := Parse("t.yaml", []byte(`scenario: t
topics: {a: {topic: a}, b: {topic: b}}
topologies:
  t:
    from: {a: {}}
    emit:
      - to: b
        fields:
          id: .id
          inner:
            total: .total
          items: .items
          list: [.x]
      - {to: b}
`))
	if err != nil {
		t.Fatal(err)
	}
	emits := s.Topology("t").Emit
	for _, tt := range []struct {
		emit         int
		path         string
		line, column int
	}{
		{0, "id", 9, 15}, {0, "inner.total", 11, 20}, {0, "inner", 10, 11}, {0, "inner.other", 10, 11}, {0, "items[2].quantity", 12, 18},
		{0, "list[0]", 13, 11}, {0, "other", 7, 9}, {0, "", 7, 9}, {1, "id", 14, 9},
	} {
		if got := emits[tt.emit].FieldPos(tt.path); got.Line != tt.line || got.Column != tt.column {
			t.Errorf("%s of emit %d is at %d:%d, want %d:%d", tt.path, tt.emit, got.Line, got.Column, tt.line, tt.column)
		}
	}
}
