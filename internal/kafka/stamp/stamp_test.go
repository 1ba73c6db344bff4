package stamp_test

import (
	"errors"
	"maps"
	"testing"

	"inv/internal/kafka/stamp"
)

func TestStamp(t *testing.T) {
	text := stamp.Metadata(4711, "log=wW3HZbXUTAWZ5cXqGbJFyQ==", "@waiting=3")
	if text != "inv/2 4711 log=wW3HZbXUTAWZ5cXqGbJFyQ== @waiting=3" {
		t.Fatal(text)
	}
	s, err := stamp.Parse(text)
	if err != nil || s.Offset != 4711 || !maps.Equal(s.Fields, map[string]string{"log": "wW3HZbXUTAWZ5cXqGbJFyQ==", "@waiting": "3"}) {
		t.Errorf("%v %v", s, err)
	}
	for _, foreign := range []string{"", "inv", "consumer-1", "inv/2", "inv/2 ", "inv/2 x", "inv/2 1 x", "inv/2 1  a=b"} {
		if _, err := stamp.Parse(foreign); !errors.Is(err, stamp.ErrNone) {
			t.Errorf("%q: %v", foreign, err)
		}
	}
	var other stamp.FormatError
	if _, err := stamp.Parse("inv/3 1"); !errors.As(err, &other) || other != "inv/3" {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("inv/2 4711 log=e== @waiting=3")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := stamp.Parse(text)
		if err != nil {
			return
		}
		var fields []string
		for k, v := range s.Fields {
			fields = append(fields, k+"="+v)
		}
		again, err := stamp.Parse(stamp.Metadata(s.Offset, fields...))
		if err != nil || again.Offset != s.Offset || !maps.Equal(again.Fields, s.Fields) {
			t.Errorf("%q: %v, %v, %v", text, s, again, err)
		}
	})
}
