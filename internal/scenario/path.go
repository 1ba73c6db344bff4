package scenario

import "strings"

// A path names a field, and with dots one inside another. A name with dots, blanks or
// other characters that an expression or a path has a meaning for is written in
// backticks. Without them, the longest name that there is counts: a.b is the field of
// that name, if there is one, otherwise b in a.

// PathPart is a part of a path between dots.
type PathPart struct {
	Name   string
	Quoted bool // it was in backticks
}

// SplitPath returns the parts of a path. Text without its second backtick is a name.
func SplitPath(path string) (parts []PathPart) {
	for {
		end := len(path)
		if quoted, rest, ok := cutQuoted(path); ok {
			parts = append(parts, PathPart{quoted, true})
			end = len(path) - len(rest)
		} else {
			if i := strings.IndexByte(path, '.'); i >= 0 {
				end = i
			}
			parts = append(parts, PathPart{path[:end], false})
		}
		if end == len(path) {
			return parts
		}
		path = path[end+1:]
	}
}

// cutQuoted cuts off a name in backticks, which ends the path or is followed by a dot.
func cutQuoted(path string) (name, rest string, ok bool) {
	if !strings.HasPrefix(path, "`") {
		return "", path, false
	}
	name, rest, ok = strings.Cut(path[1:], "`")
	return name, rest, ok && (rest == "" || rest[0] == '.')
}

// ResolvePath finds the longest name at the beginning of a path that there is, and returns
// the rest of the path; false if there is none.
func ResolvePath(parts []PathPart, exists func(name string) bool) (name string, rest []PathPart, ok bool) {
	most := 1
	for most < len(parts) && !parts[most-1].Quoted && !parts[most].Quoted {
		most++
	}
	for n := most; n > 0; n-- {
		if name = joined(parts[:n]); exists(name) {
			return name, parts[n:], true
		}
	}
	return parts[0].Name, parts[1:], false
}

func joined(parts []PathPart) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.Name
	}
	return strings.Join(names, ".")
}

// Unquoted returns a path without backticks: the name of a field with dots.
func Unquoted(path string) string { return joined(SplitPath(path)) }

// CutLast splits a path before its last part; the list is "" if it has only one.
func CutLast(path string) (list, field string) {
	parts := SplitPath(path)
	last := parts[len(parts)-1]
	size := len(last.Name)
	if last.Quoted {
		size += 2
	}
	if len(parts) == 1 {
		return "", path
	}
	return path[:len(path)-size-1], path[len(path)-size:]
}

// QuoteName returns a name as a part of a path.
func QuoteName(name string) string {
	if strings.ContainsRune(name, '.') {
		return "`" + name + "`"
	}
	return name
}

// fieldName matches the names of fields.
const fieldName = "^[^{}`]+$"

func validName(name string) bool { return name != "" && !strings.ContainsAny(name, "{}`") }
