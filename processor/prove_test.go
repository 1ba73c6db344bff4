package processor_test

import (
	"slices"

	"inv/inspect/verify"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"
)

// prove ends every test of a fault: what the topics hold is the fold of the
// product log, and the auditor, which knows nothing of the log's lines, finds
// every invariant and the system at rest. Without topologies both ran.
func (s *system) prove(topologies ...string) {
	s.t.Helper()
	s.checkFold()
	s.verify(topologies...)
	if procures(topologies) {
		s.checkReceipts()
	}
}

func procures(topologies []string) bool {
	return len(topologies) == 0 || slices.Contains(topologies, inventory.Procurement)
}

// audit runs what inv verify does.
func (s *system) audit(topologies ...string) *verify.Report {
	s.t.Helper()
	names, err := verify.TopicsOf(s.scenario, s.prefix)
	if err != nil {
		s.t.Fatal(err)
	}
	running, err := builtin.Select(s.scenario, topologies, inventory.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	var groups []verify.Group
	for _, g := range processor.Groups(s.scenario, s.prefix, running) {
		groups = append(groups, verify.Group(g))
	}
	options := verify.OptionsFor(s.prefix, verify.PolicyDefault, names, groups, procures(topologies))
	options.Schemas = s.schemas
	report, err := verify.Run(s.t.Context(), s.client, options)
	if err != nil {
		s.t.Fatal("auditing:", err)
	}
	return report
}

// verify wants every invariant to hold, and the system to be at rest.
func (s *system) verify(topologies ...string) *verify.Report {
	s.t.Helper()
	report := s.audit(topologies...)
	if report.Verdict == verify.Holds && report.AtRest {
		return report
	}
	for _, c := range report.Checks {
		if c.Verdict == verify.Violated || c.Verdict == verify.Undecided {
			s.t.Errorf("audit: %s is %s: %d findings; %s", c.ID, c.Verdict, c.Violations, c.Why)
		}
	}
	for _, f := range report.Findings {
		s.t.Errorf("audit: %+v", f)
	}
	if !report.AtRest {
		s.t.Errorf("audit: not at rest")
	}
	return report
}
