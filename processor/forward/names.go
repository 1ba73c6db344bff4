package forward

// GroupName returns the consumer group of an application's sink.
func GroupName(app, sink string) string { return app + "-forward-" + sink }

// DeadLetterTopic returns the topic of what a sink can't deliver.
func DeadLetterTopic(app, sink string) string { return GroupName(app, sink) + ".dlq" }

// RetryTopic returns the topic into which a sink's dead letters are replayed, and which
// it reads besides its own.
func RetryTopic(app, sink string) string { return GroupName(app, sink) + ".retry" }

// StageName returns the stage that a sink's dead letters name.
func StageName(sink string) string { return "forward-" + sink }
