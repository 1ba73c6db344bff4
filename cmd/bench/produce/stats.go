package main

import "math"

// student is the one-sided 95 % quantile of Student's t-distribution with 1, 2, …
// degrees of freedom.
var student = [...]float64{6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812,
	1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725}

// ratio returns the geometric mean of a/b over paired rounds and its lower 95 % bound,
// which is NaN for one round.
func ratio(a, b []float64) (mean, low float64) {
	n := len(a)
	logs := make([]float64, n)
	sum := 0.0
	for i := range a {
		logs[i] = math.Log(a[i] / b[i])
		sum += logs[i]
	}
	m, square := sum/float64(n), 0.0
	for _, l := range logs {
		square += (l - m) * (l - m)
	}
	if n < 2 {
		return math.Exp(m), math.NaN()
	}
	t := student[min(n-2, len(student)-1)]
	return math.Exp(m), math.Exp(m - t*math.Sqrt(square/float64(n-1)/float64(n)))
}
