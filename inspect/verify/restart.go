package verify

import "fmt"

// A processor that starts over from the inputs numbers its updates from 1 again. If
// what it wrote before was not deleted, the outputs hold two histories, and nearly all
// that is in the second one contradicts the first: that is one finding.

// repeatedSeq counts how far a product's numbers have come again from 1.
func (a *auditor) repeatedSeq(c *updateRow, p *product) {
	switch {
	case c.seq == 1:
		p.again, p.histories = 1, max(p.histories, 1)+1
		if a.secondHistory.topic == "" {
			a.secondHistory = c.at
		}
	case c.seq == p.again+1:
		p.again++
	}
}

// begunAgain reports whether a product's updates begin again. One repeated update
// is not enough, if there is more to repeat.
func (a *auditor) begunAgain(p *product) bool {
	return p.again > 1 || p.again == 1 && (p.seq == 1 || !a.atRest)
}

// judgeRestart reports whether the outputs hold more than one history: the updates of
// most products begin again. All other findings but those of the inputs' and outputs'
// writers are dropped then.
func (a *auditor) judgeRestart() bool {
	var products, again, histories int64
	for i := range a.products {
		p := &a.products[i]
		if p.updates == 0 {
			continue
		}
		products++
		if a.begunAgain(p) {
			again++
			histories = max(histories, p.histories)
		}
	}
	if 2*again <= products {
		return false
	}
	a.restarted = true
	for check := range a.checks {
		if check == checkRest || check == checkSource {
			continue
		}
		a.checks[check].Violations = 0
		a.doubt("the outputs hold more than one history, see 2.seq", check)
	}
	kept := a.findings[:0]
	for _, f := range a.findings {
		if f.Check == a.checks[checkSource].ID {
			kept = append(kept, f)
		}
	}
	a.findings = kept
	a.checks[checkSeq].Why = ""
	a.note(checkSeq, Finding{Where: a.secondHistory.String(), Expected: "one history",
		Seen: fmt.Sprintf("%d: the updates of %d of %s begin again at seq 1, as if a processor had started over from the inputs without its outputs being deleted",
			histories, again, Counted(products, "product"))})
	return true
}
