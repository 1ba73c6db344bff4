package files

import (
	"fmt"
	"strconv"
	"strings"
)

// identityName is the name of the file that says what a topic's folder is for.
const identityName = ".inv"

// draftPrefix begins the names under which identities are written.
const draftPrefix = ".inv-new-"

// extensions are those of published files, by format. A format is compressed or not.
var extensions = map[string][2]string{
	"parquet": {"parquet", "parquet"},
	"jsonl":   {"jsonl", "jsonl.zst"},
	"csv":     {"csv", "csv.zst"},
}

// markName is the name of a file that exists once claims of a partition have been removed.
func markName(partition int32) string { return fmt.Sprintf(".inv-%d", partition) }

func claimName(partition int32, seq uint64) string {
	return fmt.Sprintf(".inv-%d-%020d", partition, seq)
}

// hiddenName is the name of a file that is being written for a claim.
func hiddenName(partition int32, seq uint64, random string) string {
	return claimName(partition, seq) + "-" + random
}

func publishedName(topic string, partition int32, offset int64, extension string) string {
	return fmt.Sprintf("%s-%d-%020d.%s", topic, partition, offset, extension)
}

// hidden is what a name of a hidden file says.
type hidden struct {
	partition int32
	seq       uint64
	random    string // "" for a claim
}

// parseHidden parses the name of a claim, or of a file that is being written for one.
func parseHidden(name string) (h hidden, ok bool) {
	rest, ok := strings.CutPrefix(name, ".inv-")
	if !ok {
		return h, false
	}
	partition, rest, ok := strings.Cut(rest, "-")
	if !ok {
		return h, false
	}
	seq, random, drafted := strings.Cut(rest, "-")
	p, err := strconv.ParseUint(partition, 10, 31)
	if err != nil {
		return h, false
	}
	h = hidden{partition: int32(p), random: random}
	if h.seq, ok = parseDigits(seq); !ok || h.seq == 0 || drafted && random == "" || strings.Contains(random, "-") {
		return h, false
	}
	made := claimName(h.partition, h.seq)
	if drafted {
		made = hiddenName(h.partition, h.seq, random)
	}
	return h, made == name && !strings.ContainsAny(random, `/\`)
}

// published is what the name of a published file says.
type published struct {
	partition int32
	offset    int64
	extension string
}

// parsePublished parses the name of a published file of a topic, in any format.
func parsePublished(name, topic string) (p published, ok bool) {
	rest, ok := strings.CutPrefix(name, topic+"-")
	if !ok {
		return p, false
	}
	partition, rest, ok := strings.Cut(rest, "-")
	if !ok {
		return p, false
	}
	offset, extension, ok := strings.Cut(rest, ".")
	if !ok || !isExtension(extension) {
		return p, false
	}
	n, err := strconv.ParseUint(partition, 10, 31)
	o, ok := parseDigits(offset)
	if err != nil || !ok || o > 1<<63-1 {
		return p, false
	}
	p = published{partition: int32(n), offset: int64(o), extension: extension}
	return p, publishedName(topic, p.partition, p.offset, extension) == name
}

func isExtension(s string) bool {
	for _, e := range extensions {
		if s == e[0] || s == e[1] {
			return true
		}
	}
	return false
}

// parseDigits parses a number of 20 digits.
func parseDigits(s string) (uint64, bool) {
	if len(s) != 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}
