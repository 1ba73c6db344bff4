package declared_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/deadletter"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor"
	"inv/processor/declared"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// change parses another form of the scenario.
func (r *rig) change(source string, replace ...string) {
	r.Helper()
	changed := strings.NewReplacer(replace...).Replace(source)
	if changed == source {
		r.Fatal("nothing was replaced")
	}
	r.scenario = r.parse(changed)
}

// What shapes the state can't be changed over existing state, unless there is an upgrade:
// then keys go on from the state that it makes. What is emitted can.
func TestChangedTopology(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, countScenario)
		at := time.UnixMilli(1_700_000_000_000)
		click := func(user string) {
			r.put("clicks", user, fmt.Sprintf(`{"user":%q,"n":1}`, user), at)
		}
		click("ann")
		r.drain()
		refused := func(want string, replace ...string) {
			t.Helper()
			r.change(countScenario, replace...)
			cfg := r.config()
			cfg.Drain = true
			_, err := r.run(cfg)
			var changed *processor.ChangedError
			if !errors.As(err, &changed) || changed.Topology != "counting" || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: the error is %v, want %s", replace, err, want)
			}
		}
		refused("counting-state: set changed since", "+ .n'", "+ .n * 2'")
		refused("from changed since", ".user !=", ".name !=")
		refused("from, set, keep, timers", "key: .user, set: {total: '($s.total // 0) + .n'}", "key: .name", "ttl: forever",
			"ttl: forever\n    keep: {total: {sum: .n}}\n    timers: {x: {while: true, after: 1s}}", "fields:", "when: x\n        fields:")
		refused("version 2, and the state of "+r.app+"-counting-state is of version 1, with nothing that upgrades it", "ttl: forever", "ttl: forever\n    version: 2")

		const fields = "fields: {user: $key, total: $s.total, n: $n}"
		r.change(countScenario, fields, "fields: {changed: true}", "forever", "99d")
		click("bob")
		r.drain()
		r.want("sums", `{"user":"ann","total":1,"n":1}`, `{"changed":true}`)

		upgraded := []string{"{total: '($s.total // 0) + .n'}", "{sum: '($s.sum // 0) + .n'}",
			"ttl: forever", "ttl: forever\n    version: 2\n    upgrade: '{sum: (.total * 100)}'", "$s.total", "$s.sum"}
		r.change(countScenario, upgraded...)
		click("ann")
		click("new")
		r.drain()
		r.want("sums", `{"user":"ann","total":1,"n":1}`, `{"changed":true}`, `{"user":"ann","total":101,"n":2}`, `{"user":"new","total":1,"n":1}`)
		for of, note := range r.notes("counting-state") {
			if strings.Contains(note, "@version=2") {
				continue
			}
			t.Logf("%s had nothing to do: %s", of, note)
		}
		refused("version 1", "forever", "99d") // the upgraded state can't go back
		r.change(countScenario, upgraded...)
		click("ann")
		r.drain()
		if !slices.Contains(r.values("sums"), `{"user":"ann","total":102,"n":3}`) {
			t.Errorf("after a restart the sums are %v", r.values("sums"))
		}
	})
}

// Members come and go while records flow; each record counts once.
func TestMembersShareTheKeys(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, countScenario)
		const users, rounds, clicks = 20, 6, 100
		var stops []func()
		for round := range rounds {
			switch {
			case round < 3:
				stops = append(stops, r.member(fmt.Sprint("member-", round)))
			default:
				stops[round-3]()
				stops[round-3] = r.member(fmt.Sprint("member-", round))
			}
			var records []*kgo.Record
			for i := range clicks {
				user := fmt.Sprint("user-", i%users)
				records = append(records, &kgo.Record{Topic: r.topic("clicks"), Key: []byte(fmt.Sprint(i)), Value: fmt.Appendf(nil, `{"user":%q,"n":1}`, user)})
			}
			r.write(records...)
		}
		r.drain()
		for _, stop := range stops {
			stop()
		}
		want := []string{}
		for user := range users {
			for n := 1; n <= rounds*clicks/users; n++ {
				want = append(want, fmt.Sprintf(`{"user":"user-%d","total":%d,"n":%d}`, user, n, n))
			}
		}
		r.want("sums", want...)
	})
}

// A timer whose step fails leaves a letter that is listed and never replayed.
func TestTimersLetter(t *testing.T) {
	r := newRig(t, kafkatest.Embedded(t), strings.Replace(timerScenario, "at: $t", `at: '"x" - 1'`, 1))
	r.put("readings", "a", `{"id":"a","hot":true}`, time.UnixMilli(1_700_000_000_000))
	r.member("one")
	topic := processor.DeadLetterTopic(r.topic("readings"))
	kafkatest.Eventually(t, 60*time.Second, "there is a letter", func() (bool, error) { return len(r.read(topic)) > 0, nil })
	letter, err := deadletter.Parse(r.read(topic)[0])
	if err != nil {
		t.Fatal(err)
	}
	if letter.Reason != declared.ReasonTimer || letter.From.Topic != r.topic("alarming-log") || string(letter.Value) != `{"key":"a","timer":"overheated","due":1700000001000,"state":{"hot":true}}` {
		t.Errorf("the letter is from %s, for %s: %s", letter.From, letter.Reason, letter.Value)
	}
	client, err := deadletter.Connect(t.Context(), kafka.Config{Brokers: r.brokers})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	plan, err := client.Plan(t.Context(), []string{topic}, deadletter.Filter{}, false)
	if err != nil || plan.Timed != 1 || plan.Total() != 0 {
		t.Errorf("to be replayed: %d, and %d of timers; %v", plan.Total(), plan.Timed, err)
	}
}

// The letter of a record that its topic has lost has the line's copy. One of several
// elements of a record, all of which are refused, is enough.
func TestLettersOfLostRecords(t *testing.T) {
	const source = `scenario: letters
topics:
  in: {topic: in, partitions: 1}
  out: {topic: out, partitions: 1}
  adding-log: {topic: "{app}-adding-log", internal: true, partitions: 1}
topologies:
  adding:
    from:
      in: {each: '.[]', key: '"k"', set: {n: 1 + .n}}
    ttl: forever
    emit: [{to: out, fields: {n: $s.n}}]
`
	r := newRig(t, kafkatest.Embedded(t), source)
	r.put("in", "two", `[{"n": "x"}, {"n": "y"}, {"n": 5}]`)
	r.drain()
	r.want("out", `{"n":6}`)
	dead := processor.DeadLetterTopic(r.topic("in"))
	letters := r.read(dead)
	if len(letters) != 1 || string(letters[0].Key) != "two" || string(letters[0].Value) != `[{"n": "x"}, {"n": "y"}, {"n": 5}]` {
		t.Fatalf("the letters are %v", letters)
	}

	// What the route stage has decided is applied after the topic has lost the record.
	r.put("in", "gone", `[{"n": "z"}]`)
	cfg := r.config()
	cfg.Topologies[0].Stages, cfg.Drain = cfg.Topologies[0].Stages[:1], true
	if _, err := r.run(cfg); err != nil {
		t.Fatal(err)
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset(r.topic("in"), 0, 2, -1)
	if _, err := kadm.NewClient(r.client).DeleteRecords(t.Context(), offsets); err != nil {
		t.Fatal(err)
	}
	r.drain()
	values := map[string]string{}
	for _, letter := range r.read(dead) {
		values[header(letter, "dlq-offset")] = string(letter.Value)
	}
	if want := (map[string]string{"0": `[{"n": "x"}, {"n": "y"}, {"n": 5}]`, "1": `{"n":"z"}`}); !maps.Equal(values, want) {
		t.Errorf("the letters, by offset, are %v, want %v", values, want)
	}
}
