package score

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"inv/internal/theme"

	"github.com/twmb/franz-go/pkg/kgo"
)

func label(text string) []kgo.RecordHeader {
	return []kgo.RecordHeader{{Key: "other", Value: []byte("x")}, {Key: "label", Value: []byte(text)}}
}

func tally() *Tally {
	t := New(Options{Label: "label", ID: "order_id", Kind: "reasons"})
	t.Output([]byte(`{"order_id":"o1","reasons":["velocity","outlier"]}`)) // before its input
	for i, l := range []string{"velocity", "velocity", "outlier", "charge"} {
		t.Input(label(l), fmt.Appendf(nil, `{"order_id":"o%d"}`, i+1))
	}
	t.Input(label("outlier"), []byte(`{"order_id":"o1"}`)) // the first label counts
	t.Input(label("outlier"), []byte(`{"id":"o1"}`))       // no id
	t.Input(nil, []byte(`{"order_id":"o5"}`))
	t.Input(nil, []byte(`not json`))
	t.Input(label(""), []byte(`{"order_id":"o6"}`))
	t.Input(label("x"), nil)
	t.Output([]byte(`{"order_id":"o1","reasons":["velocity"]}`)) // once more
	t.Output([]byte(`{"order_id":"o3","reasons":"outlier"}`))
	t.Output([]byte(`{"order_id":"o5","reasons":["outlier",7,null,{}]}`))
	t.Output([]byte(`{"order_id":"o6"}`))
	t.Output([]byte(`{"order_id":null}`))
	t.Output([]byte(`[]`))
	t.Output(nil)
	return t
}

func TestResult(t *testing.T) {
	r := tally().Result()
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"inputs":9,"outputs":7,"without_id":3,"labelled":4,"found":4,"true_positives":2,"false_positives":2,"false_negatives":2,"precision":0.5,"recall":0.5,"labels":[` +
		`{"label":"7","labelled":0,"found":0,"recall":null,"claimed":1,"right":0,"precision":0},` +
		`{"label":"charge","labelled":1,"found":0,"recall":0,"claimed":0,"right":0,"precision":null},` +
		`{"label":"outlier","labelled":1,"found":1,"recall":1,"claimed":3,"right":1,"precision":0.3333333333333333},` +
		`{"label":"velocity","labelled":2,"found":1,"recall":0.5,"claimed":1,"right":1,"precision":1}]}`
	if string(got) != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestNothing(t *testing.T) {
	r := New(Options{Label: "label", ID: "id"}).Result()
	if r.Precision != nil || r.Recall != nil || r.Labels == nil {
		t.Errorf("%+v", r)
	}
}

func TestNestedID(t *testing.T) {
	c := New(Options{Label: "label", ID: "order.id"})
	c.Input(label("x"), []byte(`{"order":{"id":17}}`))
	c.Output([]byte(`{"order":{"id":17}}`))
	if r := c.Result(); r.True != 1 || r.False != 0 || r.Nameless != 0 {
		t.Errorf("%+v", r)
	}
}

func TestText(t *testing.T) {
	r := tally().Result()
	r.Labels[1].Name = "ch\x1b[2Jarge"
	var b strings.Builder
	if err := r.WriteText(&b, &theme.Theme{}); err != nil {
		t.Fatal(err)
	}
	want := `9 inputs, 4 labelled; 7 outputs, about 4 ids
  true positives           2  labelled and found
  false positives          2  found, and not labelled
  false negatives          2  labelled, and not found
  precision           50.0 %
  recall              50.0 %

LABEL          LABELLED  FOUND  RECALL   CLAIMED  RIGHT  PRECISION
7                     0      0        -        1      0      0.0 %
ch\x1b[2Jarge         1      0    0.0 %        0      0          -
outlier               1      1  100.0 %        3      1     33.3 %
velocity              2      1   50.0 %        1      1    100.0 %
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
