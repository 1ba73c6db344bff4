package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSplitPath(t *testing.T) {
	for path, want := range map[string]string{
		"a":           "a",
		"a.b.c":       "a|b|c",
		"`a.b`.c":     "(a.b)|c",
		"a.`b c`":     "a|(b c)",
		"`a`.`b`":     "(a)|(b)",
		"`a.b":        "`a|b",
		"`a`b.c":      "`a`b|c",
		"":            "",
		"a.":          "a|",
		"first name":  "first name",
		"`x`.`":       "(x)|`",
		"a.`b.c`.`d`": "a|(b.c)|(d)",
	} {
		var got []string
		for _, p := range SplitPath(path) {
			if p.Quoted {
				got = append(got, "("+p.Name+")")
			} else {
				got = append(got, p.Name)
			}
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%s: %q, want %s", path, got, want)
		}
	}
}

// The longest name that there is counts, unless a part is in backticks.
func TestResolvePath(t *testing.T) {
	for _, tt := range []struct {
		path, names, name string
		rest              int
	}{
		{"a.b.c", "a.b.c a.b a", "a.b.c", 0}, {"a.b.c", "a.b a", "a.b", 1}, {"a.b.c", "a", "a", 2},
		{"`a`.b.c", "a.b.c a.b a", "a", 2}, {"a.`b`.c", "a.b.c a.b a", "a", 2}, {"a.b.`c`", "a.b.c a.b a", "a.b", 1}, {"`a.b`.c", "a.b.c a.b a", "a.b", 1},
	} {
		name, rest, ok := ResolvePath(SplitPath(tt.path), func(name string) bool { return slices.Contains(strings.Fields(tt.names), name) })
		if !ok || name != tt.name || len(rest) != tt.rest {
			t.Errorf("%s of %s: %s and %v, want %s", tt.path, tt.names, name, rest, tt.name)
		}
	}
	if name, _, ok := ResolvePath(SplitPath("a.b"), func(string) bool { return false }); ok || name != "a" {
		t.Errorf("%s %t", name, ok)
	}
}

func TestQuotedNamesInExpressions(t *testing.T) {
	for source, want := range map[string]string{
		"`a b` * 2":            "`a b`",
		"items.`unit.price`+1": "items.`unit.price`",
		"`a`.b > `c d`.`e`":    "`a`.b `c d`.`e`",
		"`größe (cm)`":         "`größe (cm)`",
	} {
		e, err := ParseExpr(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		var got []string
		e.Paths(func(path string) { got = append(got, path) })
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %s", source, got, want)
		}
	}
	for source, want := range map[string]string{
		"1 + `a b":    "the name at character 5 is empty or not closed with a backtick",
		"``":          "the name at character 1 is empty",
		"`a b` `c d`": "\"`c d`\" at character 7, where the end or an operator is expected",
	} {
		if _, err := ParseExpr(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
	if tmpl, err := ParseTemplate("{`a:b`:03} {`c:d`} {e f}"); err != nil || fmt.Sprint(tmpl.Parts) != "[{`a:b` true 3} {  false 0} {`c:d` true 0} {  false 0} {e f true 0}]" {
		t.Errorf("%v %v", tmpl, err)
	}
}

// Paths of any text can be split and cut; names in backticks come back.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"a.b", "`a.b`.c", "`", "a.", ""} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		list, field := CutLast(path)
		if list != "" && list+"."+field != path {
			t.Errorf("%q is cut into %q and %q", path, list, field)
		}
		if validName(path) {
			if parts := SplitPath(QuoteName(path)); len(parts) != 1 || parts[0].Name != path {
				t.Errorf("%q comes back as %v", path, parts)
			}
		}
	})
}
