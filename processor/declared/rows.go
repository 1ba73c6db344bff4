package declared

import (
	"inv/internal/jq"
	"inv/internal/jsonscan"
	"inv/internal/scenario"
)

// joinedRows finds the rows of a line that expressions refer to, and the fields that they
// want of these, in the same pass that finds where the rows end. Nil is for a topology
// whose expressions refer to none.
type joinedRows struct {
	fields *jsonscan.Fields
	found  [][]byte // by the last scan
	rows   []joinedRow
}

// joinedRow is a row's variable, and where it and its fields are in what was found.
type joinedRow struct{ variable, row, first, end int }

func newJoinedRows(s *scope, t *scenario.Topology) *joinedRows {
	r := &joinedRows{fields: jsonscan.NewFields()}
	seen := map[string]bool{}
	for i := range t.From {
		for k := range t.From[i].Join {
			j := &t.From[i].Join[k]
			variable := s.variable(rowName(j))
			if variable == 0 || seen[j.Name] {
				continue
			}
			seen[j.Name] = true
			first := r.fields.AddBelow(j.Name, s.Fields(variable))
			r.rows = append(r.rows, joinedRow{variable, r.fields.Add(j.Name), first, first + s.Fields(variable).Len()})
		}
	}
	if len(r.rows) == 0 {
		return nil
	}
	r.found = make([][]byte, r.fields.Len())
	return r
}

// scan scans the rows that text begins with, a JSON object, and returns where they end; -1
// if they are no JSON.
func (r *joinedRows) scan(text []byte) int {
	if r == nil {
		return jsonscan.End(text)
	}
	return r.fields.ScanPrefix(text, r.found)
}

// forget makes all rows absent.
func (r *joinedRows) forget() {
	if r != nil {
		clear(r.found)
	}
}

// set sets the variables of the rows that were found last.
func (r *joinedRows) set(e *jq.Evaluator) {
	if r == nil {
		return
	}
	for _, j := range r.rows {
		e.SetFound(j.variable, jq.JSON(r.found[j.row]), r.found[j.first:j.end:j.end])
	}
}

// unset makes the variables null.
func (r *joinedRows) unset(e *jq.Evaluator) {
	if r == nil {
		return
	}
	for _, j := range r.rows {
		e.Set(j.variable, jq.Value{})
	}
}
