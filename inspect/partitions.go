package inspect

import (
	"fmt"
	"strconv"
	"strings"
)

// ParsePartitions reads a list such as 0,2,4-6.
func ParsePartitions(text string) ([]int32, error) {
	var out []int32
	for _, item := range strings.Split(text, ",") {
		low, high, ranged := strings.Cut(strings.TrimSpace(item), "-")
		from, err := strconv.ParseInt(low, 10, 32)
		to := from
		if ranged && err == nil {
			to, err = strconv.ParseInt(high, 10, 32)
		}
		if err != nil || from > to || to-from > 100_000 {
			return nil, fmt.Errorf("%q is no list of partitions; it takes numbers and ranges such as 0,2,4-6", text)
		}
		for p := from; p <= to; p++ {
			out = append(out, int32(p))
		}
	}
	return out, nil
}
