package processor

import "strconv"

// quoted returns text from a record or broker as messages may repeat it.
func quoted(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strconv.QuoteToASCII(s)
}
