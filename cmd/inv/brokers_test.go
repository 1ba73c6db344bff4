package main

import (
	"strings"
	"testing"

	"inv/internal/kafkatest"
)

func TestBrokers(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		env := []string{"INV_BROKERS=" + strings.Join(brokers, ",")}
		i := invoke(t, env, "brokers")
		i.wants(t, exitDone, "BROKER", "")
		i.wants(t, exitDone, brokers[0], "")
		i.wants(t, exitDone, " controller ", "")
		invoke(t, env, "brokers", "-o", "json").wants(t, exitDone, `"controller":true,"version":"`, "")
		invoke(t, env, "brokers", "1").wants(t, exitUsage, "", "takes no arguments")
	})
}
