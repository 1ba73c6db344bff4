package explain

import (
	"strings"
	"testing"

	"inv/internal/scenario"
	"inv/internal/theme"
	"inv/processor/declared"
)

// Topics with a format are shown with it.
func TestEncodings(t *testing.T) {
	sc, err := scenario.Parse("t.yaml", []byte(`scenario: t
topics:
  a: {topic: a, format: {protobuf: p/a.proto, message: x.A}, key_format: avro, upgrades: {a.v2: .}}
  b: {topic: b, format: {avro: b.avsc}}
topologies:
  copy: {from: {a: {}}, emit: [{to: b}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	topologies, err := declared.Topologies(sc)
	if err != nil {
		t.Fatal(err)
	}
	program, problems := declared.Compile(sc, &sc.Topologies[0])
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var text strings.Builder
	if err := Text(&text, sc, "app", topologies, map[string]*declared.Program{"copy": program}, nil, &theme.Theme{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a, protobuf p/a.proto x.A, keys in avro, upgrades a.v2\n", "b, avro b.avsc\n", "as  protobuf\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("there is no %q in\n%s", want, text.String())
		}
	}
}
