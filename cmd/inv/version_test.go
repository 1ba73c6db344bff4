package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionText(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v1.2.3"},
		Deps: []*debug.Module{{Path: "example.com/lib", Version: "v0.1.0"}},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123abcd"}, {Key: "vcs.modified", Value: "true"},
		}}
	got := versionText(info)
	if !strings.HasPrefix(got, "inv v1.2.3\ncommit 0123abcd with changes\ngo1.26.0 ") || strings.Contains(got, "example.com") {
		t.Errorf("the version is\n%s", got)
	}
	if got := librariesText(info); got != "example.com/lib v0.1.0\n" {
		t.Errorf("the libraries are\n%s", got)
	}
}
