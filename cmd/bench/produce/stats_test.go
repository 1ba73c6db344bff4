package main

import (
	"math"
	"testing"
)

func TestRatio(t *testing.T) {
	// Worked by hand: logs of 0.5 and 1 are -0.6931 and 0, mean -0.3466, standard
	// error 0.3466, and 6.314 of these below the mean is -2.535.
	mean, low := ratio([]float64{1, 2}, []float64{2, 2})
	if math.Abs(mean-0.7071) > 1e-4 || math.Abs(low-0.0793) > 1e-4 {
		t.Errorf("ratio is %.4f with bound %.4f, want 0.7071 and 0.0793", mean, low)
	}
	if mean, low = ratio([]float64{3, 6, 9}, []float64{1, 2, 3}); math.Abs(mean-3) > 1e-9 || math.Abs(low-3) > 1e-9 {
		t.Errorf("a constant ratio of 3 is %v with bound %v", mean, low)
	}
}
