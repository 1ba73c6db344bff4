package kafka

import "testing"

func TestWaitingInMetadata(t *testing.T) {
	for metadata, want := range map[string]int64{
		"":                              0,
		"inv/2 9 log=e==":               0,
		"inv/2 9 log=e== @waiting=3":    3,
		"@waiting=12 other":             12,
		"inv/2 9 @waiting=":             0,
		"inv/2 9 @waiting=-4":           0,
		"inv/2 9 @waiting=x":            0,
		"inv/2 9 not@waiting=3":         0,
		"@waiting=99999999999999999999": 0,
	} {
		if got := waiting(metadata); got != want {
			t.Errorf("%q: %d wait, want %d", metadata, got, want)
		}
	}
}
