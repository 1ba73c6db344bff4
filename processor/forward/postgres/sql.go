package postgres

import (
	"fmt"
	"strings"
)

// tableSQL is the statements of a table.
type tableSQL struct {
	create string // if it is missing
	copy   string // of rows into an append table
	stage  string // the temporary table
	toward string // COPY into it
	insert string // from it
	// remove applies tombstones, and insertRest what they leave of the other rows.
	remove, insertRest string
	// has counts the rows of a place: $1 is the topic, $2 the partition, $3 the offset.
	has string
}

// positions is the table of positions.
const positions = `inv_positions`

const createPositions = `CREATE TABLE IF NOT EXISTS inv_positions (
  app text NOT NULL,
  sink text NOT NULL,
  topic text NOT NULL,
  partition integer NOT NULL,
  topic_id text NOT NULL,
  next bigint NOT NULL,
  PRIMARY KEY (app, sink, topic, partition)
)`

func (t *table) statements() tableSQL {
	var names, staged []string
	for i, c := range t.columns {
		names = append(names, quoteName(c.name))
		staged = append(staged, fmt.Sprintf("c%d", i+1))
	}
	s := tableSQL{
		create: t.createStatement(),
		copy:   fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)", t.quoted, strings.Join(names, ", ")),
		has: fmt.Sprintf("SELECT count(*) FROM %s WHERE _topic = $1 AND _partition = $2 AND _offset = $3",
			t.quoted),
	}
	stage := "pg_temp." + t.stageName()
	columns := make([]string, 0, len(t.columns)+1)
	for i, c := range t.columns {
		columns = append(columns, staged[i]+" "+c.sql)
	}
	if t.upsert {
		columns = append(columns, "gone boolean")
	}
	s.stage = fmt.Sprintf("CREATE TEMPORARY TABLE IF NOT EXISTS %s (%s) ON COMMIT DELETE ROWS", t.stageName(), strings.Join(columns, ", "))
	s.toward = fmt.Sprintf("COPY %s FROM STDIN (FORMAT binary)", stage)
	list := strings.Join(names, ", ")
	if !t.upsert {
		s.insert = t.insertNew(stage, list, staged)
		return s
	}
	s.insert = t.insertNewest(stage, list, staged, "")
	topic, partition, offset := staged[t.place], staged[t.place+1], staged[t.place+2]
	key := staged[t.key]
	s.insertRest = t.insertNewest(stage, list, staged, fmt.Sprintf(
		" AND NOT EXISTS (SELECT FROM %s AS d WHERE d.gone AND d.%s = s.%[2]s AND d.%s = s.%[3]s AND d.%s = s.%[4]s AND d.%s > s.%[5]s)",
		stage, key, topic, partition, offset))
	s.remove = fmt.Sprintf("DELETE FROM %s AS t USING %s AS d WHERE d.gone AND t.%s = d.%s AND t._topic = d.%s AND t._partition = d.%s AND t._offset < d.%s",
		t.quoted, stage, names[t.key], key, topic, partition, offset)
	return s
}

func (t *table) createStatement() string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s (\n", t.quoted)
	for i, c := range t.columns {
		fmt.Fprintf(&b, "  %s %s", quoteName(c.name), c.sql)
		if i >= t.place && i < t.place+len(placeColumns) || i == t.newest && t.upsert {
			b.WriteString(" NOT NULL")
		}
		b.WriteString(",\n")
	}
	key := "_topic, _partition, _offset"
	if t.upsert {
		key = quoteName(t.columns[t.key].name)
	}
	fmt.Fprintf(&b, "  PRIMARY KEY (%s)\n)", key)
	return b.String()
}

// insertNew writes staged rows of an append table, but those whose place is there already.
func (t *table) insertNew(stage, names string, staged []string) string {
	place := strings.Join(staged[t.place:t.place+3], ", ")
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT DISTINCT ON (%s) %s FROM %s AS s"+
		" WHERE NOT EXISTS (SELECT FROM %[1]s AS t WHERE t._topic = s.%[6]s AND t._partition = s.%[7]s AND t._offset = s.%[8]s) ORDER BY %[3]s",
		t.quoted, names, place, strings.Join(staged, ", "), stage, staged[t.place], staged[t.place+1], staged[t.place+2])
}

// insertNewest writes a staged row of each key, the newest, unless the table has a newer
// one.
func (t *table) insertNewest(stage, names string, staged []string, and string) string {
	key, offset := staged[t.key], staged[t.place+2]
	order := offset + " DESC"
	newer := "(t._topic, t._partition) <> (excluded._topic, excluded._partition) OR t._offset < excluded._offset"
	if t.newest >= 0 {
		c := &t.columns[t.newest]
		collate := ""
		if c.sql == "text" {
			collate = ` COLLATE "C"`
		}
		order = fmt.Sprintf("%s%s DESC, %s", staged[t.newest], collate, offset)
		newer = fmt.Sprintf("t.%s%s < excluded.%[1]s%[2]s", quoteName(c.name), collate)
	}
	var set []string
	for i, c := range t.columns {
		if i != t.key {
			set = append(set, fmt.Sprintf("%s = excluded.%[1]s", quoteName(c.name)))
		}
	}
	return fmt.Sprintf("INSERT INTO %s AS t (%s) SELECT DISTINCT ON (%s) %s FROM %s AS s WHERE NOT gone%s ORDER BY %[3]s, %[7]s"+
		" ON CONFLICT (%[8]s) DO UPDATE SET %[9]s WHERE %[10]s",
		t.quoted, names, key, strings.Join(staged, ", "), stage, and, order,
		quoteName(t.columns[t.key].name), strings.Join(set, ", "), newer)
}

// quoteName quotes an identifier, which thus keeps its case.
func quoteName(name string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(name, "\x00", ""), `"`, `""`) + `"`
}

// quoteText quotes a text as a literal that doesn't depend on standard_conforming_strings.
func quoteText(text string) string {
	quoted := `'` + strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(text) + `'`
	if strings.Contains(text, `\`) {
		return "E" + quoted
	}
	return quoted
}
