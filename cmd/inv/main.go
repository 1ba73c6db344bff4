// Command inv generates, processes and inspects the records of event-driven
// systems on Kafka.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], processStreams()))
}
