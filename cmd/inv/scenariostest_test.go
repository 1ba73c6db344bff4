package main

import "testing"

// The tests of the shipped scenarios pass.
func TestShippedScenariosPass(t *testing.T) {
	got := invoke(t, []string{"INV_BROKERS=127.0.0.1:1"}, append([]string{"scenarios", "test"}, shippedScenarios()...)...)
	if got.code != exitDone {
		t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}
