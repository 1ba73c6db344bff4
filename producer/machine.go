package producer

import "inv/internal/scenario"

type machine struct{}
type cause struct{}
type origin struct{}

func (o *origin) enter(w *worker, s slot) *frame { return nil }

func (b *builder) state(s *scenario.State, pos scenario.Position) *node { return nil }
func (b *builder) caused(s *scenario.Caused) *node                      { return nil }
func (b *builder) freshen(n *node, pos scenario.Position) *node         { return n }
func (b *builder) inStates(in []scenario.Name, also testFunc) testFunc  { return also }
func (b *builder) identity(n *node) *node                               { return n }
