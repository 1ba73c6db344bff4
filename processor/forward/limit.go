package forward

import "time"

// limiter keeps to a Limit: in any span of Per, at most Count tries begin. It is pure.
type limiter struct {
	limit Limit
	times []time.Time // of the last Count tries, a ring
	at    int         // the oldest one
	last  time.Time
}

func newLimiter(l Limit) *limiter { return &limiter{limit: l} }

// next returns when a try may begin, not before now.
func (l *limiter) next(now time.Time) time.Time {
	l.follow(now)
	if l.limit.Count <= 0 || len(l.times) < l.limit.Count {
		return now
	}
	if free := l.times[l.at].Add(l.limit.Per); free.After(now) {
		return free
	}
	return now
}

// begin counts a try.
func (l *limiter) begin(now time.Time) {
	l.follow(now)
	switch {
	case l.limit.Count <= 0:
	case len(l.times) < l.limit.Count:
		l.times = append(l.times, now)
	default:
		l.times[l.at] = now
		l.at = (l.at + 1) % len(l.times)
	}
}

// follow moves what is remembered along with a clock that was set back, as if it had gone
// on.
func (l *limiter) follow(now time.Time) {
	if now.Before(l.last) {
		for i := range l.times {
			l.times[i] = l.times[i].Add(now.Sub(l.last))
		}
	}
	l.last = now
}
