package metering

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
)

// Event is usage that was metered. Two of the same key say the same or
// contradict each other.
type Event struct {
	// Key is what the sender knows it by, unique in the organization that meters.
	Key string
	// SKU is the code of what was used.
	SKU      string
	Quantity money.Decimal
	// Owner is whose usage it is, Group the group there, zero for none.
	Owner, Group orgtree.ID
	// Project and User are names, "" for none.
	Project, User string
	// Start and End are in UTC, in whole microseconds.
	Start, End time.Time
	// Tags are what else the sender says of it.
	Tags map[string]string
	// Corrects is the key of the event that this one corrects, "" for none. Its
	// quantity is added to that one's.
	Corrects string
}

// The tags that name the project and the user of a line of usage.
const (
	ProjectTag = "Project"
	UserTag    = "User"
)

// The bounds of an event. Texts are counted in bytes.
const (
	MaxKey  = 200
	MaxName = 256
	MaxTags = 50
	// Longest is how long an event may last: it is priced as of its start.
	Longest = 31 * 24 * time.Hour
)

// Check returns INVALID for what no event can say at an instant: a future, an end
// before the start, more than 31 days, a quantity below 0 that corrects nothing,
// or texts out of bounds.
func (e Event) Check(now time.Time) error {
	switch {
	case !isText(e.Key, MaxKey) || e.Key == "":
		return fault.Invalidf("idempotencyKey", "an idempotency key is a text of 1 to %d bytes", MaxKey)
	case !isText(e.Corrects, MaxKey):
		return fault.Invalidf("corrects", "an idempotency key is a text of 1 to %d bytes", MaxKey)
	case money.CheckAmount(e.Quantity) != nil:
		return fault.Invalidf("quantity", "a quantity has at most 20 digits before and 18 after the point")
	case e.Quantity.Sign() < 0 && e.Corrects == "":
		return fault.Invalidf("quantity", "a quantity is at least 0, but for one that corrects another event")
	case e.End.Before(e.Start):
		return fault.Invalidf("endedAt", "usage ends after it has begun")
	case e.End.After(now):
		return fault.Invalidf("endedAt", "usage is recorded when it is over")
	case e.End.Sub(e.Start) > Longest:
		return fault.Invalidf("endedAt", "an event lasts at most 31 days")
	case !isText(e.Project, MaxName):
		return fault.Invalidf("project", "a name has at most %d bytes", MaxName)
	case !isText(e.User, MaxName):
		return fault.Invalidf("user", "a name has at most %d bytes", MaxName)
	}
	return e.checkTags()
}

func (e Event) checkTags() error {
	if len(e.Tags) > MaxTags {
		return fault.Invalidf("tags", "an event has at most %d tags", MaxTags)
	}
	for _, key := range slices.Sorted(maps.Keys(e.Tags)) {
		if key == "" || !isText(key, MaxName) || !isText(e.Tags[key], MaxName) {
			return fault.Invalidf("tags", "the name of a tag has 1 to %d bytes, and its value at most as many", MaxName)
		}
		if key == ProjectTag || key == UserTag {
			return fault.Invalidf("tags", "the tag %s is what %s says", key, strings.ToLower(key))
		}
	}
	return nil
}

func isText(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// Same reports whether two events say the same.
func (e Event) Same(other Event) bool {
	return e.isOf(other) && e.Key == other.Key && e.Corrects == other.Corrects &&
		e.Quantity.Equal(other.Quantity) && maps.Equal(e.Tags, other.Tags)
}

// isOf reports whether two events are of the same SKU, owner and time.
func (e Event) isOf(other Event) bool {
	return e.SKU == other.SKU && e.Owner == other.Owner && e.Group == other.Group && e.Project == other.Project && e.User == other.User &&
		e.Start.Equal(other.Start) && e.End.Equal(other.End)
}

// CheckCorrection returns INVALID unless an event can correct another, of which a
// quantity is left after the corrections before: it is of the same SKU, owner and
// time, what it corrects is no correction, and no less than nothing is left.
func (e Event) CheckCorrection(of Event, left money.Decimal) error {
	switch {
	case of.Corrects != "":
		return fault.Invalidf("corrects", "this is a correction itself: name the event that it corrects")
	case !e.isOf(of):
		return fault.Invalidf("corrects", "a correction is of the same SKU, owner, group, project, user and time as the event")
	case left.Add(e.Quantity).Sign() < 0:
		return fault.Invalidf("quantity", "a correction takes back at most what is left of the event: %s", left)
	}
	return nil
}

// AllTags returns the tags of the line of usage that an event becomes: its own with
// those that name its project and user.
func (e Event) AllTags() map[string]string {
	tags := make(map[string]string, len(e.Tags)+2)
	maps.Copy(tags, e.Tags)
	if e.Project != "" {
		tags[ProjectTag] = e.Project
	}
	if e.User != "" {
		tags[UserTag] = e.User
	}
	return tags
}
