package protofile

import "google.golang.org/protobuf/reflect/protoreflect"

// WireGroup returns one kind for all that can be read as each other. A message could be
// read as bytes, and bytes as a message, but nobody does that on purpose.
//
// https://protobuf.dev/programming-guides/proto3/#updating
func WireGroup(k protoreflect.Kind) protoreflect.Kind {
	switch k {
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.BoolKind, protoreflect.EnumKind:
		return protoreflect.Int64Kind
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return protoreflect.Sint64Kind
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.Fixed32Kind
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.Fixed64Kind
	case protoreflect.StringKind, protoreflect.BytesKind:
		return protoreflect.StringKind
	}
	return k
}
