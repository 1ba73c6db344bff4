package main

import (
	"strings"
	"testing"
)

// The commands at the demo's end can be pasted, whatever its scenario is.
func TestDemoNextSteps(t *testing.T) {
	for _, c := range []struct {
		scenario string
		registry bool
		want     []string
	}{
		{defaultScenario, false, []string{"  inv broker\n", "  inv tail alerts\n", "orders --rate 1s\n"}},
		{"shop/av.yaml", true, []string{"  inv broker --registry-listen 127.0.0.1:8081\n",
			"  inv process --scenario shop/av.yaml --registry http://127.0.0.1:8081\n"}},
		{"it's mine.yaml", false, []string{`  inv process --scenario 'it'\''s mine.yaml'` + "\n"}},
	} {
		flags := scenarioFlag(c.scenario)
		if c.registry {
			flags += " --registry http://" + registryAddress
		}
		got := nextSteps(flags, c.registry)
		for _, line := range c.want {
			if !strings.Contains(got, line) {
				t.Errorf("%s: no %q in\n%s", c.scenario, line, got)
			}
		}
	}
}
