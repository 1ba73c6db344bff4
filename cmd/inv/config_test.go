package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"inv/internal/kafka"
)

// docs/config.md has every key of inv.yaml and every property, and nothing else; its
// examples can be read.
func TestConfigPageHasEverySetting(t *testing.T) {
	text, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, m[1])
	}
	want := keysOf(t, "", "%s")
	for _, p := range kafka.Properties() {
		want = append(want, p.Name)
		if row := fmt.Sprintf("| `%s` | %s | %s |", p.Name, p.Takes, p.About); !strings.Contains(string(text), row) {
			t.Errorf("no line %s", row)
		}
	}
	slices.Sort(documented)
	slices.Sort(want)
	if !slices.Equal(documented, want) {
		t.Errorf("documented are\n%s\nwant\n%s", strings.Join(documented, "\n"), strings.Join(want, "\n"))
	}
	examples := strings.Split(string(text), "```yaml\n")[1:]
	for _, e := range examples {
		source, _, _ := strings.Cut(e, "```")
		profiles, err := kafka.ParseProfiles("inv.yaml", []byte(source), "production", kafka.Unreplaced)
		if err != nil || len(profiles) == 0 {
			t.Errorf("%v in\n%s", err, source)
		}
	}
	if len(examples) == 0 {
		t.Error("no example")
	}
}

// keysOf returns the paths of the keys that inv.yaml takes in a mapping, which the error
// for an unknown key lists, and of those in their mappings.
func keysOf(t *testing.T, path, source string) (paths []string) {
	t.Helper()
	_, err := kafka.ParseProfiles("inv.yaml", fmt.Appendf(nil, source, "{?}"), "", kafka.Unreplaced)
	if err == nil {
		return nil // any key is taken
	}
	_, list, ok := strings.Cut(err.Error(), "; it takes ")
	if !ok {
		return nil // not a mapping
	}
	for _, key := range strings.Split(list, ", ") {
		paths = append(paths, path+key)
		inner, below := fmt.Sprintf(source, "{"+key+": %s}"), path+key+"."
		if key == "profiles" {
			inner, below = "profiles: {n: %s}", "profiles.NAME."
		}
		paths = append(paths, keysOf(t, below, inner)...)
	}
	return paths
}
