package processor

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

func TestTimesThatATopicAccepts(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	const hour = int64(3_600_000)
	setting := func(key string, ms int64) kadm.Config {
		value := strconv.FormatInt(ms, 10)
		return kadm.Config{Key: key, Value: &value}
	}
	for name, c := range map[string]struct {
		settings []kadm.Config
		ms       int64 // from now
		kept     bool
	}{
		"the usual, long ago":             {nil, -1_699_999_999_999, true},
		"the usual, soon":                 {nil, hour / 3, true},
		"the usual, in an hour":           {nil, hour, false},
		"Kafka's own limits, long ago":    {[]kadm.Config{setting("message.timestamp.before.max.ms", math.MaxInt64), setting("message.timestamp.after.max.ms", hour)}, -1_699_999_999_999, true},
		"a limit, before it":              {[]kadm.Config{setting("message.timestamp.before.max.ms", hour)}, -hour / 2, true},
		"a limit, behind it":              {[]kadm.Config{setting("message.timestamp.before.max.ms", hour)}, -hour, false},
		"a limit, just before it":         {[]kadm.Config{setting("message.timestamp.before.max.ms", hour)}, -hour + 30_000, false},
		"no past at all":                  {[]kadm.Config{setting("message.timestamp.before.max.ms", 0)}, -1, false},
		"a small future":                  {[]kadm.Config{setting("message.timestamp.after.max.ms", 1000)}, 900, false},
		"a small future, now":             {[]kadm.Config{setting("message.timestamp.after.max.ms", 1000)}, 0, true},
		"one limit for both, the past":    {[]kadm.Config{setting("message.timestamp.difference.max.ms", hour)}, -2 * hour, false},
		"one limit for both, the future":  {[]kadm.Config{setting("message.timestamp.difference.max.ms", hour/60)}, hour / 30, false},
		"what is no number is no setting": {[]kadm.Config{{Key: "message.timestamp.before.max.ms"}}, -hour, true},
	} {
		at := now.UnixMilli() + c.ms
		want := now.UnixMilli()
		if c.kept {
			want = at
		}
		if got := timesOf(c.settings).Record(at, now); got != want {
			t.Errorf("%s: %d becomes %d, want %d", name, c.ms, got-now.UnixMilli(), want-now.UnixMilli())
		}
	}
}
