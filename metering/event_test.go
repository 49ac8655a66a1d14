package metering_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/metering"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
)

// used returns an event, changed.
func used(change func(*metering.Event)) metering.Event {
	e := metering.Event{
		Key: "1", SKU: "CPU", Quantity: dec("10"), Owner: orgtree.ID{1}, Start: day(3), End: day(4),
		Tags: map[string]string{"queue": "fast"},
	}
	if change != nil {
		change(&e)
	}
	return e
}

func TestWhatAnEventMaySay(t *testing.T) {
	t.Parallel()
	now := day(10)
	many := map[string]string{}
	for i := range metering.MaxTags + 1 {
		many[fmt.Sprint(i)] = ""
	}
	for name, tt := range map[string]struct {
		change func(*metering.Event)
		field  string
	}{
		"as it is":               {nil, ""},
		"an instant":             {func(e *metering.Event) { e.End = e.Start }, ""},
		"until now":              {func(e *metering.Event) { e.End = now }, ""},
		"nothing":                {func(e *metering.Event) { e.Quantity = money.Decimal{} }, ""},
		"less as a correction":   {func(e *metering.Event) { e.Quantity, e.Corrects = dec("-1"), "0" }, ""},
		"no key":                 {func(e *metering.Event) { e.Key = "" }, "idempotencyKey"},
		"a long key":             {func(e *metering.Event) { e.Key = strings.Repeat("k", metering.MaxKey+1) }, "idempotencyKey"},
		"a key with a line":      {func(e *metering.Event) { e.Key = "a\nb" }, "idempotencyKey"},
		"less than nothing":      {func(e *metering.Event) { e.Quantity = dec("-0.1") }, "quantity"},
		"too many digits":        {func(e *metering.Event) { e.Quantity = dec("0.1234567890123456789") }, "quantity"},
		"backwards":              {func(e *metering.Event) { e.End = e.Start.Add(-1) }, "endedAt"},
		"the future":             {func(e *metering.Event) { e.End = now.Add(1) }, "endedAt"},
		"too long":               {func(e *metering.Event) { e.Start = e.End.Add(-metering.Longest - 1) }, "endedAt"},
		"a long project":         {func(e *metering.Event) { e.Project = strings.Repeat("p", metering.MaxName+1) }, "project"},
		"a user that is no text": {func(e *metering.Event) { e.User = "\xff" }, "user"},
		"too many tags":          {func(e *metering.Event) { e.Tags = many }, "tags"},
		"a tag without a name":   {func(e *metering.Event) { e.Tags = map[string]string{"": "x"} }, "tags"},
		"a tag with a zero byte": {func(e *metering.Event) { e.Tags = map[string]string{"x": "\x00"} }, "tags"},
		"the project as a tag":   {func(e *metering.Event) { e.Tags = map[string]string{"Project": "x"} }, "tags"},
		"the user as a tag":      {func(e *metering.Event) { e.Tags = map[string]string{"User": "x"} }, "tags"},
	} {
		err := used(tt.change).Check(now)
		if (err == nil) != (tt.field == "") || err != nil && (fault.CodeOf(err) != fault.Invalid || fieldOf(err) != tt.field) {
			t.Errorf("%s: %v, want a fault of %q", name, err, tt.field)
		}
	}
}

// others are changes after which an event says something else.
func others() map[string]func(*metering.Event) {
	return map[string]func(*metering.Event){
		"SKU":     func(e *metering.Event) { e.SKU = "GPU" },
		"owner":   func(e *metering.Event) { e.Owner = orgtree.ID{2} },
		"group":   func(e *metering.Event) { e.Group = orgtree.ID{2} },
		"project": func(e *metering.Event) { e.Project = "apollo" },
		"user":    func(e *metering.Event) { e.User = "ada" },
		"start":   func(e *metering.Event) { e.Start = e.Start.Add(time.Microsecond) },
		"end":     func(e *metering.Event) { e.End = e.End.Add(time.Microsecond) },
	}
}

func TestTheSameEvent(t *testing.T) {
	t.Parallel()
	changes := others()
	maps.Copy(changes, map[string]func(*metering.Event){
		"key":      func(e *metering.Event) { e.Key = "2" },
		"quantity": func(e *metering.Event) { e.Quantity = dec("10.000000000000000001") },
		"tags":     func(e *metering.Event) { e.Tags = map[string]string{"queue": "slow"} },
		"no tags":  func(e *metering.Event) { e.Tags = nil },
		"corrects": func(e *metering.Event) { e.Corrects = "0" },
	})
	for name, change := range changes {
		if used(nil).Same(used(change)) || used(change).Same(used(nil)) {
			t.Errorf("another %s is the same", name)
		}
	}
	written := used(func(e *metering.Event) {
		e.Quantity, e.Start, e.Tags = dec("10.00"), e.Start.In(time.FixedZone("", 3600)), map[string]string{"queue": "fast"}
	})
	if !used(nil).Same(written) {
		t.Error("what is written in another way is not the same")
	}
}

func TestWhatACorrectionMayDo(t *testing.T) {
	t.Parallel()
	correction := func(quantity string, change func(*metering.Event)) metering.Event {
		return used(func(e *metering.Event) {
			e.Key, e.Quantity, e.Corrects, e.Tags = "2", dec(quantity), "1", nil
			if change != nil {
				change(e)
			}
		})
	}
	for name, tt := range map[string]struct {
		correction metering.Event
		of         metering.Event
		field      string
	}{
		"some":                {correction("-4", nil), used(nil), ""},
		"all that is left":    {correction("-6", nil), used(nil), ""},
		"more":                {correction("4", nil), used(nil), ""},
		"more than is left":   {correction("-6.000001", nil), used(nil), "quantity"},
		"one of a correction": {correction("-1", nil), used(func(e *metering.Event) { e.Corrects = "0" }), "corrects"},
	} {
		err := tt.correction.CheckCorrection(tt.of, dec("6"))
		if (err == nil) != (tt.field == "") || err != nil && (fault.CodeOf(err) != fault.Invalid || fieldOf(err) != tt.field) {
			t.Errorf("%s: %v, want a fault of %q", name, err, tt.field)
		}
	}
	for name, change := range others() {
		if err := correction("-1", change).CheckCorrection(used(nil), dec("6")); fieldOf(err) != "corrects" {
			t.Errorf("of another %s: %v", name, err)
		}
	}
}

func TestProjectAndUserAreTags(t *testing.T) {
	t.Parallel()
	e := used(func(e *metering.Event) { e.Project, e.User = "apollo", "ada" })
	if got := fmt.Sprint(e.AllTags()); got != "map[Project:apollo User:ada queue:fast]" {
		t.Error(got)
	}
	if got := fmt.Sprint(used(nil).AllTags()); got != "map[queue:fast]" {
		t.Error(got)
	}
}
