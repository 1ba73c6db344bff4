// Command inv generates, processes and inspects the records of event-driven
// systems on Kafka.
package main

import (
	"log"
	"os"
	_ "time/tzdata" // for time zones on Windows and in an empty container

	"inv/internal/termsafe"
)

func main() {
	ownFiles()
	log.SetOutput(termsafe.NewWriter(os.Stderr)) // of libraries
	os.Exit(run(os.Args[1:], processStreams()))
}
