package measure

import (
	"os"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := Median(c.of); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.of, got, c.want)
		}
	}
}

func TestThisProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("there is no /proc here, which the benchmarks need")
	}
	if got := PeakMemory(os.Getpid()); got < 1<<20 || got > 1<<40 {
		t.Errorf("this process has had %d bytes", got)
	}
	if CPU(os.Getpid()) < 0 || CPU(-1) != 0 || PeakMemory(-1) != 0 {
		t.Error("a process that isn't there uses something")
	}
}
