package when

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Kind is what a [Position] is relative to.
type Kind uint8

// The kinds of positions.
const (
	Start  Kind = iota // of the partition's log
	End                // of the partition's log
	Offset             // an offset
	Back               // so many offsets before the end
	Time               // the first record at or after a time
)

// Position is a place in each partition of a topic.
type Position struct {
	Kind   Kind
	Offset int64     // of Offset; of Back: how many
	Time   time.Time // of Time
	Note   string    // how an ambiguous text was read, as from [Parse]
}

// PositionForms is what ParsePosition accepts, for messages.
const PositionForms = "start, end, an offset, -5 for 5 before the end, or a time: " + Forms

var errPosition = errors.New("it takes " + PositionForms)

// largestOffset is the largest number read as an offset. One of 13 digits is an epoch
// in milliseconds: a partition that was written a million records a second would take
// eleven days to it.
const largestOffset = 999_999_999_999

// ParsePosition reads start (earliest, beginning), end (latest), an offset of up to 12
// digits, -N, or a time as [Parse] reads it.
func ParsePosition(text string, now time.Time, zone *time.Location) (Position, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "start", "earliest", "beginning":
		return Position{Kind: Start}, nil
	case "end", "latest":
		return Position{Kind: End}, nil
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && n <= largestOffset {
		if strings.HasPrefix(strings.TrimSpace(text), "-") {
			if n == 0 || n < -largestOffset {
				return Position{}, errPosition
			}
			return Position{Kind: Back, Offset: -n}, nil
		}
		return Position{Kind: Offset, Offset: n}, nil
	}
	t, note, err := Parse(text, now, zone)
	switch {
	case errors.Is(err, errNotATime):
		return Position{}, errPosition
	case err != nil:
		return Position{}, err
	}
	return Position{Kind: Time, Time: t, Note: note}, nil
}
