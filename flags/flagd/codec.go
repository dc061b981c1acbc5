package flagd

import (
	"fmt"
	"regexp"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// jsonCodec is the protocols' JSON as flagd's clients know it: fields at their
// zero value are written, fields that are not known are passed over, and a value
// that is not set stays away.
type jsonCodec struct{ name string }

func (c jsonCodec) Name() string { return c.name }

// IsBinary lets Connect know that a message may travel in a URL.
func (c jsonCodec) IsBinary() bool { return false }

func (c jsonCodec) Marshal(message any) ([]byte, error) {
	m, ok := message.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message", message)
	}
	return protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(m)
}

func (c jsonCodec) Unmarshal(data []byte, message any) error {
	m, ok := message.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no message", message)
	}
	err := protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: recursion}.Unmarshal(data, m)
	if err == nil {
		return nil
	}
	return fmt.Errorf("the message is not what is asked for here, or no JSON%s", position.FindString(err.Error()))
}

// position is all that is told of the parser's own error: it repeats names and
// values, which may be a patient's.
var position = regexp.MustCompile(` \(line \d+:\d+\)`)

// recursion is how deep a message may nest before it is even read: more than
// any context that contextOf lets pass, each level of which takes three of the
// message.
const recursion = 4 * maxNesting
