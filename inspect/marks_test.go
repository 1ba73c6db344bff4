package inspect

import (
	"strings"
	"testing"
	"time"

	"inv/internal/kafka/fetch"
	"inv/internal/theme"
)

// What is absent, empty, null or text of the same look has a line of its own in every
// form, without colours. Only raw and --format are no more than the bytes.
func TestNullsAreToldApart(t *testing.T) {
	contents := [][]byte{nil, {}, []byte("null"), []byte(`"null"`), []byte(`"\"null\""`), []byte(`""`), []byte(`"`), []byte("tombstone"), []byte(`"tombstone"`),
		[]byte("empty"), []byte(`"empty"`), []byte("~"), []byte("base64:"), []byte("text")}
	for name, renderer := range map[string]func() Renderer{
		"pretty": func() Renderer {
			return NewPretty(PrettyOptions{Location: time.UTC, Now: time.UnixMilli(noon), Headers: true})
		},
		"json": func() Renderer { return NewJSON(nil, nil) },
		"yaml": func() Renderer { return &YAML{} },
		"csv":  func() Renderer { return &CSV{} },
		"detail": func() Renderer {
			return detailRenderer{}
		},
	} {
		for part, set := range map[string]func(r *Record, b []byte){
			"key":   func(r *Record, b []byte) { r.Key = b },
			"value": func(r *Record, b []byte) { r.Value = b },
			"header": func(r *Record, b []byte) {
				r.SetHeaders([]fetch.Header{{Key: "h", Value: b}})
			},
		} {
			seen := map[string]string{}
			for _, b := range contents {
				r := &Record{Topic: "t", Key: []byte("k"), Value: []byte("v")}
				set(r, b)
				line := string(renderer().Append(nil, r))
				if other, ok := seen[line]; ok {
					t.Errorf("%s: the %ss %q and %q are both\n%s", name, part, other, b, line)
				}
				seen[line] = string(b)
			}
		}
	}
}

// Bytes in a header's key are not replaced, so no two keys are the same.
func TestHeaderKeysKeepTheirBytes(t *testing.T) {
	for key, want := range map[string]string{
		"\xff": `{"key":"/w==","key_encoding":"base64","value":"v"}`, "\xfe": `{"key":"/g==","key_encoding":"base64","value":"v"}`,
		"\ufffd": "{\"key\":\"\ufffd\",\"value\":\"v\"}", "": `{"key":"","value":"v"}`,
	} {
		got := string(NewJSON(nil, nil).Append(nil, record("t", 0, 0, "k", "v", key, "v")))
		if !strings.Contains(got, `"headers":[`+want+`]`) {
			t.Errorf("the key %q is\n%swant %s", key, got, want)
		}
	}
}

// detailRenderer is the browser's view of a record as a Renderer.
type detailRenderer struct{}

func (detailRenderer) Append(dst []byte, r *Record) []byte {
	return append(dst, strings.Join(Detail(r, &theme.Theme{}, time.UTC, nil), "\n")...)
}
