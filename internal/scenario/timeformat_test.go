package scenario

import (
	"strings"
	"testing"
)

func TestTimeFormatProblems(t *testing.T) {
	for gen, want := range map[string]string{
		`{time: now, format: rfc339}`:                       `6:36: format can't be "rfc339"; did you mean "rfc3339"?`,
		`{time: now, format: "2006-01-02"}`:                 `format can't be "2006-01-02"; it is a pattern such as %Y-%m-%d %H:%M:%S, or one of epoch_ms`,
		`{time: now, format: yyyy-MM-dd}`:                   "it is a pattern such as %Y-%m-%d",
		`{time: now, format: "%Y-%q"}`:                      "format: %q is no part of a time; there are %Y %y %m",
		`{time: now, format: "100%"}`:                       "format: % is no part of a time",
		`{time: now, format: 5}`:                            "format must be a text",
		`{time: now, zone: Europe/Berlinn}`:                 `6:34: zone: there is no time zone "Europe/Berlinn"`,
		`{time: now, format: rfc3339, zone: Local}`:         `there is no time zone "Local"`,
		`{time: now, format: rfc3339, zone: ../etc/passwd}`: "there is no time zone",
		`{time: now, format: rfc3339, zone: "+25:00"}`:      "there is no time zone",
		`{time: now, format: epoch_s, zone: UTC}`:           "epoch_s is the same in all time zones",
		`{time: now, zone: UTC}`:                            "epoch_ms is the same in all time zones",
		`{time: {ago: [1s, 2s], in: [1s, 2s]}}`:             "`ago` and `in` exclude each other",
		`{time: {}}`:                                        "a mapping with `ago`, `in` or `of`",
		`{time: {in: [2s, 1s]}}`:                            "in must be [SHORTEST, LONGEST], not [2s, 1s]",
		`{date: [2026-01-01, 2026-01-02], zone: UTC}`:       `unknown key "zone"`,
	} {
		_, problems := Read("t.yaml", []byte(head+"    value: {x: "+gen+"}\n"))
		if len(problems) != 1 || !strings.Contains(problems.Error(), want) {
			t.Errorf("%s: %v, want %s", gen, problems, want)
		}
	}
}

// A pattern never makes the parser panic.
func FuzzTimeFormat(f *testing.F) {
	for _, text := range []string{"%Y-%m-%d", "%", "%:", "%:z%%", "apache", "%F %T"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		format, err := parseTimeFormat(text)
		if err == nil && format.Name == "" && len(format.Layout) == 0 {
			t.Errorf("%q is nothing", text)
		}
	})
}
