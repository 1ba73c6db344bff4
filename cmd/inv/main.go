// Command inv generates, processes and inspects the records of event-driven
// systems on Kafka.
package main

import (
	"os"
	_ "time/tzdata" // for time zones on Windows and in an empty container
)

func main() {
	os.Exit(run(os.Args[1:], processStreams()))
}
