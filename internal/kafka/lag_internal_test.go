package kafka

import "testing"

func TestHeldInMetadata(t *testing.T) {
	for metadata, want := range map[string]bool{
		"inv/2 9 @waiting=3":                true, // from anywhere
		"inv/2 9 @waiting=3 @held=4":        true,
		"inv/2 9 @waiting=3 @held=5":        false, // it came later
		"inv/2 9 @held=4":                   false, // nothing waits
		"inv/2 9 @waiting=3 @held=x":        true,
		"inv/2 9 @waiting=1 @held=9 @held=": false,
	} {
		if got := waitsBelow(metadata, 5); got != want {
			t.Errorf("%q: something from below 5 waits: %t, want %t", metadata, got, want)
		}
	}
}

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
