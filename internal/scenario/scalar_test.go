package scenario

import (
	"strings"
	"testing"
)

// value parses a scenario whose producer has one field, and returns its value.
func value(t *testing.T, yaml string) (Scalar, Problems) {
	t.Helper()
	s, problems := Read("t.yaml", []byte("scenario: t\ntopics: {t: {topic: t}}\nproducers: {p: {topic: t, value: {a: "+yaml+"}}}\n"))
	if len(problems) > 0 || s == nil {
		return Scalar{}, problems
	}
	return s.Producers[0].Value.Spec.(*Object).Fields[0].Gen.Spec.(*Literal).Value, nil
}

// A plain value is what the file says, or refused: YAML's other forms of numbers are
// texts to most people.
func TestScalars(t *testing.T) {
	for yaml, want := range map[string]Scalar{
		"2134": {KindNumber, "2134"}, "1.50": {KindNumber, "1.50"}, "-0": {KindNumber, "-0"}, "1e3": {KindNumber, "1e3"},
		".5": {KindNumber, "0.5"}, "-.25": {KindNumber, "-0.25"}, "5.": {KindNumber, "5"}, "0": {KindNumber, "0"},
		`"02134"`: {KindString, "02134"}, "'+47'": {KindString, "+47"}, "!!str 007": {KindString, "007"},
		"2026-01-31": {KindString, "2026-01-31"}, "12:30:00": {KindString, "12:30:00"}, "1.2.3": {KindString, "1.2.3"},
		"yes": {KindString, "yes"}, "true": {KindBool, "true"}, "~": {KindNull, ""}, "<<": {KindString, "<<"},
		`"\ud83d\ude00!"`: {KindString, "😀!"}, `"\\ud83d\\ude00"`: {KindString, `\ud83d\ude00`},
		`'a\/b'`: {KindString, `a\/b`}, `'\ud83d\ude00'`: {KindString, `\ud83d\ude00`}, `\ud83d\ude00`: {KindString, `\ud83d\ude00`},
		`"\u00e9\/\t\uD834\uDD1E"`: {KindString, "é/\t𝄞"},
	} {
		if got, problems := value(t, yaml); got != want {
			t.Errorf("%s: %+v, want %+v\n%v", yaml, got, want, problems)
		}
	}
	for yaml, want := range map[string]string{
		"02134":        "t.yaml:3:38: a: YAML reads 02134 as the number 1116; quote it if it is a text, else write 1116",
		"074763617300": "as the number 8184078016; quote it",
		"-007":         "as the number -7; quote it",
		"08":           "as the number 8; quote it",
		"007.5":        "as the number 7.5; quote it",
		"0x1F":         "as the number 31; quote it",
		"0o17":         "as the number 15; quote it",
		"0b11":         "as the number 3; quote it",
		"2024_001":     "as the number 2024001; quote it",
		"+4712345678":  "as the number 4712345678; quote it",
		".inf":         "not a JSON number",
		`"\ud83d"`:     "t.yaml:3:1: not YAML: a \\u or \\U escape that is no character; a surrogate",
		`"\ud83d x"`:   "not YAML: ",

		"{one_of: {02134: 1}}":             "a choice: YAML reads 02134 as the number 1116",
		"{int: [010, 20]}":                 "t.yaml:3:45: int: YAML reads 010 as the number 8; write it without the leading 0",
		"{decimal: [010, 20]}":             "decimal must be a number",
		"{fake: lexify, with: {str: 007}}": "str: YAML reads 007 as the number 7",
	} {
		if got, problems := value(t, yaml); len(problems) == 0 || !strings.Contains(problems.Error(), want) {
			t.Errorf("%s: %+v, %v, want %s", yaml, got, problems, want)
		}
	}
}

// Replaced escapes do not shift the places of later problems.
func TestEscapesKeepPlaces(t *testing.T) {
	_, problems := Read("t.yaml", []byte("scenario: t\ntopics: {t: {topic: t}}\nproducers: {p: {topic: t, value: {ä: \"\\ud83d\\ude00\", \"\\ud83d\\ude01\": {int: [2, 1]}, b: nope, c: {nope: 1}}}}\n"))
	want := []string{"t.yaml:3:76: int must be", "t.yaml:3:98: "}
	got := strings.Split(problems.Error(), "\n")
	if len(got) != len(want) || !strings.HasPrefix(got[0], want[0]) || !strings.HasPrefix(got[1], want[1]) {
		t.Errorf("%v", problems)
	}
}
