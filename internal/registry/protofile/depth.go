package protofile

import (
	"fmt"
	"strings"
)

// maxDepth bounds the levels of brackets in source text: the parser has no limit.
const maxDepth = 200

// CheckDepth returns an error if a file is nested too deeply to be compiled.
func CheckDepth(files map[string]string) error {
	for name, text := range files {
		if depth(text) > maxDepth {
			return fmt.Errorf("%s is nested more than %d levels deep", name, maxDepth)
		}
	}
	return nil
}

// depth returns how deeply brackets of source text are nested, without those in comments
// and strings.
func depth(text string) (deepest int) {
	level := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '{', '[', '(', '<':
			level++
			deepest = max(deepest, level)
		case '}', ']', ')', '>':
			level = max(level-1, 0)
		case '"', '\'':
			for i++; i < len(text) && text[i] != c && text[i] != '\n'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '/':
			i += comment(text[i:])
		}
	}
	return deepest
}

// comment returns how many bytes follow the first one of a comment; 0 if it begins none.
func comment(text string) int {
	end, skip := "", 0
	switch {
	case strings.HasPrefix(text, "//"):
		end = "\n"
	case strings.HasPrefix(text, "/*"):
		end, skip = "*/", 1
	default:
		return 0
	}
	n := strings.Index(text[2:], end)
	if n < 0 {
		return len(text)
	}
	return 2 + n + skip
}
