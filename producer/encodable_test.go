package producer

import (
	"errors"
	"strings"
	"testing"
)

// What a format can't hold and a topic does not have is found before the run, with its
// place.
func TestFormats(t *testing.T) {
	const head = "scenario: t\ntopics: {t: {topic: t, partitions: 3}}\nproducers:\n  p:\n    topic: t\n    "
	for producer, want := range map[string]string{
		"format: csv\n    value:\n      a: {list: [1, 2], of: {x: 1}}":                `t.yaml:8:7: "a" is a list, and a CSV record has only plain values`,
		"format: csv\n    value:\n      b: 1\n      a: {object: {x: 1}}":              `t.yaml:9:7: "a" is an object, and a CSV`,
		"format: csv\n    value: {a: [1, 2]}":                                         `"a" is a list, and a CSV`,
		"format: csv\n    rows: [{a: 1}, {a: [2]}]":                                   `t.yaml:7:21: "a" is a list, and a CSV`,
		"format: csv\n    value: {a: {int: [1, 2], hidden: true}}":                    `t.yaml:4:3: producer "p": a CSV record needs a field`,
		"format: {xml: R}\n    value: {\"a&b\": 1, c: 2}":                             `t.yaml:7:13: "a&b" can't be the name of an XML element`,
		"format: {xml: R}\n    value: {c: {list: [1, 2], of: {1st: 2}}}":              `t.yaml:7:36: "1st" can't be`,
		"format: {xml: R}\n    value: {c: {object: {\"<\": 2}}}":                      `"<" can't be`,
		"format: {xml: R}\n    value: {\"x:y\": 1}":                                   `"x:y" can't be`,
		"format: {xml: R}\n    value: {\"a/\": 1}":                                    `"a/" can't be`,
		"format: {xml: R}\n    value: {\"-a\": 1}":                                    `"-a" can't be`,
		"format: {xml: \"R S\"}\n    value: {a: 1}":                                   `"R S" is not a valid name`,
		"partition: {int: [0, 3]}\n    value: {a: 1}":                                 `t.yaml:6:16: partition: topic "t" has the partitions 0 to 2, and not 3`,
		"partition: {int: [-2, 1]}\n    value: {a: 1}":                                `has the partitions 0 to 2, and not -2`,
		"partition: 3\n    value: {a: 1}":                                             `and not 3`,
		"partition: {one_of: [0, 7]}\n    value: {a: 1}":                              `and not 7`,
		"partition: {copy: a}\n    value: {a: {int: [0, 900]}}":                       `and not 900`,
		"partition: {copy: a}\n    rows: [{a: 2}, {a: 5}]":                            `and not 5`,
		"partition: {zipf: {n: 4, s: 1}}\n    value: {a: 1}":                          `and not 4`,
		"partition: {int: [1, 3], unique: true}\n    value: {a: 1}":                   `and not 3`,
		"partition: {normal: {mean: 1, sd: 1}, min: -1, max: 2}\n    value: {a: 1}":   `and not -1`,
		"partition: {normal: {mean: 1, sd: 1}, min: 0, max: 2}\n    value: {a: 1}":    "",
		"format: csv\n    value: {a: 1, b: {list: [1, 2], of: {x: 1}, hidden: true}}": "",
		"format: {xml: R}\n    value: {a: 1, \"a&b\": {int: [1, 2], hidden: true}}":   "",
		"format: {xml: Ä}\n    value: {größe: 1, _: 2, a-1: 3}":                       "",
		"partition: {int: [0, 2]}\n    value: {a: 1}":                                 "",
		"partition: {copy: a}\n    value: {a: {zipf: {n: 2, s: 1}}}":                  "",
		"headers: {h: {list: [1, 2], each: 1}}\n    value: {a: 1}":                    "a header must be a plain value",
		"format: {xml: R}\n    value: {\"@a b\": 1}":                                  `t.yaml:7:13: "@a b" can't be the name of an XML attribute`,
		"format: {xml: R}\n    value: {\"@a\": [1]}":                                  `"@a" is a list; in XML, an attribute`,
		"format: {xml: R}\n    value: {a: {one_of: [{object: {1st: 1}}]}}":            `"1st" can't be the name of an XML element`,
		"format: csv\n    value: {a: {one_of: [1, {object: {b: 1}}]}}":                `"a" is one of several objects or lists, and a CSV`,
	} {
		got := checked(head + producer + "\n")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s\n%s\nwant %s", producer, got, want)
		}
	}
}

// A topic with fewer partitions than the scenario says ends the run, whatever the sink.
func TestPartitionOutOfRange(t *testing.T) {
	sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t, partitions: 3}}\nproducers: {p: {topic: t, partition: {int: [0, 2]}, value: {a: 1}}}")
	sink := &collect{}
	_, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 50, Partitions: map[string]int{"t": 2}}, sink)
	var wrong *PartitionError
	if !errors.As(err, &wrong) || wrong.Partition != 2 || !strings.Contains(err.Error(), `of "p": its partition is 2, but topic t has the partitions 0 to 1`) {
		t.Errorf("%v", err)
	}
	if len(sink.records) > 0 {
		t.Errorf("%d records of the batch were sent", len(sink.records))
	}
}

// A CSV record of one empty field is a line with a field, not an empty line.
func TestEmptyCSV(t *testing.T) {
	sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers: {p: {topic: t, format: csv, value: {a: {one_of: [x, \"\", null]}}}}")
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 50}, sink); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range sink.records {
		seen[string(r.Value)] = true
	}
	if len(seen) != 2 || !seen["x"] || !seen[`""`] {
		t.Errorf("%v", seen)
	}
}
