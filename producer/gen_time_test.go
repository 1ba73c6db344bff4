package producer

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"
)

// timesAt returns the values of the fields at a time.
func timesAt(t *testing.T, at time.Time, fields string) string {
	t.Helper()
	sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, value: {"+fields+"}}\n")
	p := withoutFaults(t, sc, "p")
	return madeAs(t, p, Options{Count: 1, Start: at}, false)
}

func TestTimeFormats(t *testing.T) {
	winter := time.Date(2026, 1, 5, 3, 4, 9, 7_000_000, time.UTC) // a Monday
	summer := time.Date(2026, 7, 12, 22, 30, 0, 120_000_000, time.UTC)
	for _, tt := range []struct {
		at           time.Time
		format, want string
	}{
		{winter, "format: epoch_ms", "1767582249007"},
		{winter, "format: epoch_s", "1767582249"},
		{winter, "format: epoch_us", "1767582249007000"},
		{winter, "format: epoch_ns", "1767582249007000000"},
		{winter, "format: rfc3339", `"2026-01-05T03:04:09.007Z"`},
		{winter, "format: rfc3339, zone: Europe/Berlin", `"2026-01-05T04:04:09.007+01:00"`},
		{summer, "format: rfc3339, zone: Europe/Berlin", `"2026-07-13T00:30:00.120+02:00"`},
		{summer, "format: rfc3339, zone: UTC", `"2026-07-12T22:30:00.120Z"`},
		{summer, "format: date, zone: Europe/Berlin", `"2026-07-13"`},
		{summer, "format: date, zone: \"-03:30\"", `"2026-07-12"`},
		{winter, "format: apache", `"05/Jan/2026:03:04:09 +0000"`},
		{summer, "format: apache, zone: America/New_York", `"12/Jul/2026:18:30:00 -0400"`},
		{winter, "format: syslog", `"Jan  5 03:04:09"`},
		{winter, "format: rfc1123", `"Mon, 05 Jan 2026 03:04:09 UTC"`},
		{summer, "format: rfc1123, zone: Europe/Berlin", `"Mon, 13 Jul 2026 00:30:00 CEST"`},
		{winter, `format: "%Y-%m-%d %H:%M:%S.%L"`, `"2026-01-05 03:04:09.007"`},
		{winter, `format: "%y%m%d %I:%M:%S.%f %p"`, `"260105 03:04:09.007000 AM"`},
		{summer, `format: "%e/%j %I %p %N"`, `"12/193 10 PM 120000000"`},
		{winter, `format: "%a %A %b %B %u"`, `"Mon Monday Jan January 1"`},
		{summer, `format: "%a %u"`, `"Sun 7"`},
		{winter, `format: "%F %T %R %D 100%%"`, `"2026-01-05 03:04:09 03:04 01/05/26 100%"`},
		{winter, `format: "%s, \"%z %:z %Z\"", zone: "+05:30"`, `"1767582249, \"+0530 +05:30 +05:30\""`},
		{winter, `format: "at <%H>"`, `"at <03>"`},
	} {
		if got := timesAt(t, tt.at, "t: {time: now, "+tt.format+"}"); got != `{"t":`+tt.want+"}\n" {
			t.Errorf("%s: %s, want %s", tt.format, got, tt.want)
		}
	}
	if got := timesAt(t, winter, `t: {date: [1999-12-31, 1999-12-31], format: "%d.%m.%Y"}, u: {date: [1999-12-31, 1999-12-31], format: epoch_ns}`); got != `{"t":"31.12.1999","u":946598400000000000}`+"\n" {
		t.Error(got)
	}
}

// Times before and after the record's, and after the time in another field, however that
// is written; without it, they are null.
func TestTimesAway(t *testing.T) {
	for _, r := range fields(t, 500, `at: {time: now}
earlier: {time: {ago: [1h, 2h]}}
later: {time: {in: [24h, 48h]}}
soon: {time: {in: [0s, 1s]}}
ordered: {time: {ago: [1h, 2h]}, format: "%F %T", zone: Asia/Tokyo}
shipped: {time: {of: ordered, in: [1m, 10m]}}
same: {time: {of: ordered}, format: epoch_s}
before: {time: {of: shipped, ago: [1s, 5s]}}
base: {calc: "at + 1000"}
next: {time: {of: base}}
maybe: {time: now, optional: 50%}
never: {time: now, nulls: 50%}
of_maybe: {time: {of: maybe}}
of_never: {time: {of: never, in: [1s, 1s]}}
o: {object: {t: {time: {of: at, in: [5s, 5s]}}}}
l: {list: [1, 1], of: {t: {time: {of: at}}}}`) {
		of := func(name string) int64 { return int64(intOf(r[name])) }
		within := func(name string, v, low, high int64) {
			if v < low || v > high {
				t.Errorf("%s is %d ms away, want %d to %d", name, v, low, high)
			}
		}
		const hour = 3_600_000
		within("earlier", of("at")-of("earlier"), hour, 2*hour)
		within("later", of("later")-of("at"), 24*hour, 48*hour)
		within("soon", of("soon")-of("at"), 0, 1000)
		tokyo, _ := time.LoadLocation("Asia/Tokyo")
		ordered, err := time.ParseInLocation(time.DateTime, r["ordered"].(string), tokyo)
		if err != nil {
			t.Fatal(err)
		}
		if of("same") != ordered.Unix() {
			t.Errorf("ordered at %d, written as %d", ordered.Unix(), of("same"))
		}
		within("shipped", of("shipped")-of("same")*1000, 60_000, 601_000)
		within("before", of("shipped")-of("before"), 1000, 5000)
		within("next", of("next")-of("at"), 1000, 1000)
		if v, there := r["maybe"]; there != (r["of_maybe"] != nil) || there && v != r["of_maybe"] {
			t.Errorf("%v of %v", r["of_maybe"], v)
		}
		if (r["never"] == nil) != (r["of_never"] == nil) {
			t.Errorf("%v of %v", r["of_never"], r["never"])
		}
		within("o", int64(intOf(r["o"].(map[string]any)["t"]))-of("at"), 5000, 5000)
		within("l", int64(intOf(r["l"].([]any)[0].(map[string]any)["t"]))-of("at"), 0, 0)
		if _, ok := r["at"].(json.Number); !ok {
			t.Fatal(r)
		}
	}
}

// What doesn't fit 64 bits is refused before the run.
func TestFineTimesFit(t *testing.T) {
	for _, tt := range []struct {
		year  int
		field string
		long  time.Duration
		want  error
	}{
		{2026, "{time: now, format: epoch_ns}", 0, nil}, {2261, "{time: now, format: epoch_ns}", 0, nil}, {2262, "{time: now, format: epoch_ns}", 0, ErrFineTimes},
		{2261, "{time: now, format: epoch_ns}", 9000 * time.Hour, ErrFineTimes}, {1677, "{time: now, format: epoch_us}", 0, ErrFineTimes},
		{1678, "{time: {ago: [0s, 24h]}, format: epoch_ns}", 0, ErrFineTimes}, {2262, "{time: now}", 0, nil},
	} {
		sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, value: {a: "+tt.field+"}}\n")
		o := Options{Count: 1, For: tt.long, Start: time.Date(tt.year, 1, 1, 0, 0, 0, 0, time.UTC)}
		if err := CheckOptions(withoutFaults(t, sc, "p"), o); !errors.Is(err, tt.want) {
			t.Errorf("%d %s: %v, want %v", tt.year, tt.field, err, tt.want)
		}
	}
}

func TestTimeProblems(t *testing.T) {
	for field, want := range map[string]string{
		`{time: {of: b}}`: `of: "b" is a text`,
		`{time: {of: c}}`: "epoch milliseconds must be a whole number",
		`{time: {of: x}}`: `of: there is no field "x" here`,
		`{date: [1600-01-01, 2000-01-01], format: epoch_ns}`: "epoch_ns is for the years 1678 to 2261",
	} {
		sc := parsed(t, "t.yaml", fmt.Sprintf("scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, value: {a: %s, b: text, c: 1.5}}\n", field))
		checkProblem(t, field, Check(sc), want)
	}
}
