// Package scenarios embeds the scenario files that inv ships. They are data
// that users copy and edit; package internal/scenario holds their grammar.
package scenarios

import "embed"

// Files holds one NAME.yaml for each scenario.
//
//go:embed *.yaml
var Files embed.FS
