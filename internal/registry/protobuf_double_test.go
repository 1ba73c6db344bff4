package registry

import (
	"bytes"
	"testing"
)

// A double takes every number whose digits it keeps, and no other.
func TestDoublesKeepDigits(t *testing.T) {
	sch, err := Compile(t.Context(), Source{Form: Protobuf, Text: `syntax = "proto3"; message M { double d = 1; }`})
	if err != nil {
		t.Fatal(err)
	}
	for number, kept := range map[string]bool{
		"0": true, "-0.0": true, "743.8399999999999": true, "0.1": true, "0.30000000000000004": true, "1e300": true, "123456789012345": true,
		"9007199254740992": true, "9007199254740993": false, "1000000000000.000000000000": true, "0.0000000000000000000001": true,
		"999999999999.999999": false, "0.1000000000000000055511151231257827": false, "-12345678901234567.5": false, "100000000000000000000000": true,
	} {
		payload, err := sch.Encode(nil, []byte(`{"d":`+number+`}`))
		if (err == nil) != kept {
			t.Errorf("%s: %v", number, err)
		}
		if err != nil {
			continue
		}
		back, err := sch.Decode(nil, payload, Data)
		if got, ok := bytes.CutPrefix(back, []byte(`{"d":`)); err != nil || !ok || !equalNumbers(got[:len(got)-1], []byte(number)) {
			t.Errorf("%s: %s, %v", number, back, err)
		}
	}
}
