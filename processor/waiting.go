package processor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	waitQuietly = 2 * time.Second  // a shorter wait is normal, and nothing is said of it
	waitStuck   = 10 * time.Second // unread records that nobody reads for so long are named
	waitAgain   = 30 * time.Second // what is still so is said again
	waitNames   = 3                // at most so many of a kind are named
)

// waits says why a drain waits, and not more often than is of use.
type waits struct {
	log    *slog.Logger
	stage  string
	looked time.Time // began, or looked for a reason
	told   time.Time
	said   string
}

func (a *application) waits(stage *Stage) *waits {
	return &waits{log: a.cfg.Log, stage: stage.Name, looked: time.Now()}
}

// say logs the reason for a wait that goes on, unless it is "" or was said just now.
func (w *waits) say(why func() string) {
	now := time.Now()
	if now.Sub(w.looked) < waitQuietly {
		return
	}
	w.looked = now
	text := why()
	if text == "" || text == w.said && now.Sub(w.told) < waitAgain {
		return
	}
	w.said, w.told = text, now
	w.log.Info("waiting", "stage", w.stage, "for", text)
}

// progress is what a group has not read, and since when that is unchanged.
type progress struct {
	unread []kafka.Span
	since  time.Time
}

// stuck reports whether the same was unread for a while.
func (p *progress) stuck(unread []kafka.Span) bool {
	if !slices.Equal(p.unread, unread) {
		p.unread, p.since = unread, time.Now()
	}
	return time.Since(p.since) >= waitStuck
}

// unreadReason returns why a stage has not read its sources up to the ends: open
// transactions, or that nobody reads.
func (a *application) unreadReason(ctx context.Context, client *kgo.Client, stage *Stage, ends map[fetch.ID]int64, unread []kafka.Span, p *progress) string {
	if reason := a.openReason(ctx, client, stage, ends); reason != "" {
		return reason
	}
	if !p.stuck(unread) {
		return ""
	}
	var names, held []string
	for _, s := range unread {
		if s.From == s.To { // read, and kept waiting, as LagCounter.Unread says
			held = append(held, fmt.Sprintf("%s/%d", s.Topic, s.Partition))
		} else {
			names = append(names, fmt.Sprintf("%s/%d from offset %d to %d", s.Topic, s.Partition, s.From, s.To))
		}
	}
	switch {
	case len(names) == 0 && stage.Waits == "":
		return ""
	case len(names) == 0:
		return fmt.Sprintf(stage.Waits, listed(held))
	}
	return "a member of " + Group(a.cfg.AppID, stage.Name) + " to read " + listed(names)
}

// openReason names the open transactions that hold a stage back: in its sources below
// the ends, and in what it keeps. Those that have just begun are the stages' own work.
func (a *application) openReason(ctx context.Context, client *kgo.Client, stage *Stage, ends map[fetch.ID]int64) string {
	topics := append(a.layout.topics(stage.Reads), a.layout.topics(stage.kept())...)
	open, err := kafka.OpenTransactions(ctx, client, topics...)
	if err != nil {
		return "" // it is asked again
	}
	var names []string
	for _, o := range open {
		end, source := ends[fetch.ID{Topic: o.Topic, Partition: o.Partition}]
		recent := !o.Hanging && !o.Since.IsZero() && time.Since(o.Since) < waitQuietly
		if recent || source && o.Offset >= end {
			continue
		}
		names = append(names, o.String())
	}
	return listed(names)
}

// pendingReason names what is due later.
func pendingReason(stage *Stage, source string, partition int32, due map[string]time.Time) string {
	last := time.Time{}
	for _, at := range due {
		if at.After(last) {
			last = at
		}
	}
	until := last.UTC().Format(time.RFC3339)
	if len(due) == 1 {
		return fmt.Sprintf("1 %s of %s/%d, which is due at %s", stage.Writes[0].Kind, source, partition, until)
	}
	return fmt.Sprintf("%d %ss of %s/%d, of which the last is due at %s", len(due), stage.Writes[0].Kind, source, partition, until)
}

// listed joins some names.
func listed(names []string) string {
	if more := len(names) - waitNames; more > 0 {
		names = append(slices.Clone(names[:waitNames]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, "; ")
}
