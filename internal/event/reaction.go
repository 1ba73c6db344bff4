package event

// ReactionFields says which fields a reorder or an alert has, for those whose zero
// value means something. A field that is null is absent.
type ReactionFields uint8

// The fields.
const (
	HasReactionStock ReactionFields = 1 << iota
	HasReactionThreshold
)

func (f *ReactionFields) set(field ReactionFields, present bool) {
	if *f &^= field; present {
		*f |= field
	}
}
